"""Whether a Charge Point may speak, after all that can happen in any order."""

from __future__ import annotations

import itertools

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point.registration import Effects, Registration, registration

_EVENTS = ("connected", "lost", "accepted", "refused", "waited", "restarted")


class RegistrationTests(SynchronousTestCase):
    """L{registration}."""

    def begin(self) -> Registration:
        """A Charge Point has just started; what it does goes into C{done}."""
        self.done: list[str] = []
        return registration(
            Effects(
                boot=lambda: self.done.append("boot"),
                serve=lambda: self.done.append("serve"),
                pause=lambda: self.done.append("pause"),
            )
        )

    def after(self, *events: str) -> Registration:
        """What it is after these events."""
        machine = self.begin()
        for event in events:
            getattr(machine, event)()
        return machine

    def test_let_in(self) -> None:
        """It says BootNotification, and serves when that is accepted."""
        machine = self.after("connected")
        self.assertEqual((self.done, machine.may_speak()), (["boot"], False))
        machine.accepted()
        self.assertEqual((self.done, machine.may_speak()), (["boot", "serve"], True))

    def test_loss(self) -> None:
        """A connection that is lost and comes back needs no BootNotification."""
        machine = self.after("connected", "accepted", "lost")
        self.assertEqual((machine.may_speak(), machine.is_accepted()), (False, True))
        machine.connected()
        self.assertEqual(self.done, ["boot", "serve", "pause", "serve"])

    def test_refused(self) -> None:
        """Refused, it waits, also over a reconnect, and asks again when the time is over."""
        machine = self.after("connected", "refused", "lost", "connected")
        self.assertEqual(self.done, ["boot"])
        machine.waited()
        self.assertEqual(self.done, ["boot", "boot"])

    def test_time_is_over_without_a_connection(self) -> None:
        """When the time is over while there is none, the next connection begins with it."""
        self.after("connected", "refused", "lost", "waited", "connected")
        self.assertEqual(self.done, ["boot", "boot"])

    def test_every_order(self) -> None:
        """
        Whatever happens in whatever order, it speaks only between an acceptance and the loss of
        the connection, and never fails.
        """
        for events in itertools.product(_EVENTS, repeat=5):
            machine = self.after(*events)
            last = [one for one in self.done if one != "boot"][-1:]
            self.assertEqual(machine.may_speak(), last == ["serve"], events)
            if machine.may_speak():
                self.assertIn("accepted", events)
                self.assertNotIn(events[-1], ("lost", "restarted"))
