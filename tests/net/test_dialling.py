"""When a Charge Point dials, waits and hangs up."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.net.dialling import MAX_WAIT_S, Effects, connection, wait_s


class WaitTests(SynchronousTestCase):
    """How long it waits before it dials again."""

    def test_doubles(self) -> None:
        """Each failure doubles the wait, up to a minute."""
        waits = [wait_s(failures, 0.0) for failures in range(1, 9)]
        self.assertEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60])

    def test_longest(self) -> None:
        """The longest wait is the caller's to say."""
        self.assertEqual(
            [wait_s(failures, 0.0, 1, 300) for failures in (9, 10, 99)], [256, 300, 300]
        )

    def test_for_ever(self) -> None:
        """However often it fails, the wait stays a number, and a minute at most."""
        self.assertEqual(wait_s(10**9, 0.0), MAX_WAIT_S)

    def test_jitter(self) -> None:
        """Chance makes the wait up to a quarter shorter."""
        self.assertEqual(wait_s(3, 1.0), 3)


class StateTests(SynchronousTestCase):
    """What follows from what happens."""

    def setUp(self) -> None:
        """A connection that writes down what it wants."""
        self.done: list[str] = []
        names = ("dial", "serve", "leave", "wait", "hang_up", "stop_waiting", "stopped")
        self.connection = connection(
            Effects(**{name: lambda name=name: self.done.append(name) for name in names})
        )

    def test_opens(self) -> None:
        """Wanted, it is dialled, and serves when it is open."""
        self.connection.start()
        self.connection.opened()
        self.assertEqual(self.done, ["dial", "serve"])

    def test_dials_again(self) -> None:
        """Lost, it is dialled again after a wait."""
        self.connection.start()
        self.connection.opened()
        self.connection.lost()
        self.connection.waited()
        self.assertEqual(self.done, ["dial", "serve", "leave", "wait", "dial"])

    def test_stop_open(self) -> None:
        """Open and unwanted, it is hung up, and has stopped when it is lost."""
        self.connection.start()
        self.connection.opened()
        self.connection.stop()
        self.assertEqual(self.done[2:], ["leave", "hang_up"])
        self.connection.lost()
        self.assertEqual(self.done[4:], ["stopped"])

    def test_stop_waiting(self) -> None:
        """Waiting and unwanted, it has stopped at once."""
        self.connection.start()
        self.connection.lost()
        self.connection.stop()
        self.assertEqual(self.done, ["dial", "wait", "stop_waiting", "stopped"])

    def test_stop_twice(self) -> None:
        """Unwanted when it has stopped, it has stopped."""
        self.connection.stop()
        self.assertEqual(self.done, ["stopped"])

    def test_opens_while_stopping(self) -> None:
        """Opened when it is not wanted any more, it does not serve."""
        self.connection.start()
        self.connection.stop()
        self.connection.opened()
        self.connection.lost()
        self.assertEqual(self.done, ["dial", "hang_up", "stopped"])

    def test_redial_open(self) -> None:
        """Of no use any more, it is hung up, and another one is dialled without a wait."""
        self.connection.start()
        self.connection.opened()
        self.connection.redial()
        self.assertEqual(self.done[2:], ["leave", "hang_up"])
        self.connection.redial()
        self.connection.lost()
        self.assertEqual(self.done[4:], ["dial"])

    def test_redial_while_dialling(self) -> None:
        """So it is when it was being dialled, also when it has opened meanwhile."""
        self.connection.start()
        self.connection.redial()
        self.connection.opened()
        self.connection.lost()
        self.connection.opened()
        self.assertEqual(self.done, ["dial", "hang_up", "dial", "serve"])

    def test_redial_waiting(self) -> None:
        """Waiting, it waits no more."""
        self.connection.start()
        self.connection.lost()
        self.connection.redial()
        self.assertEqual(self.done, ["dial", "wait", "stop_waiting", "dial"])

    def test_redial_unwanted(self) -> None:
        """Unwanted, it is not dialled; when it becomes so meanwhile, it is not either."""
        self.connection.redial()
        self.assertEqual(self.done, [])
        self.connection.start()
        self.connection.redial()
        self.connection.stop()
        self.connection.redial()
        self.connection.lost()
        self.assertEqual(self.done, ["dial", "hang_up", "stopped"])

    def test_wanted_again_while_stopping(self) -> None:
        """Wanted again before it was down, it is dialled when it is."""
        self.connection.start()
        self.connection.stop()
        self.connection.start()
        self.connection.lost()
        self.assertEqual(self.done, ["dial", "hang_up", "stopped", "dial"])
