"""The sample site: its wallboxes are virtual, and live and end with the program."""

from __future__ import annotations

import signal

from . import cases
from .program import Program

#: A car that is there at once, and charges fast and for longer than any test.
BOX = """
[simulator box-{number}]
type = charge_point
url = ws://127.0.0.1:{port}/
address = CP-000{number}
id_tag = 04A1B2C3D4
arrives_after = 0
meter_interval = 1
time_lapse = 1000
car_needs = 1000
"""


class Sample(cases.EndToEndCase):
    """What C{make run} starts, stopped and started again and again."""

    places = ("CP-0001", "CP-0002")

    def sample(self) -> Program:
        """A garage with a virtual wallbox at each place."""
        manager = self.program()
        site = cases.tap_cfg(manager.port, self.places)
        boxes = (BOX.format(number=number, port=manager.port) for number in (1, 2))
        manager.configure(site + "".join(boxes))
        return manager

    def charge(self, manager: Program) -> list[str]:
        """Start it, and stop it when both cars have taken something; what it has written."""
        mark = manager.mark()
        manager.start()
        for number in (1, 2):
            manager.wait_for(rf"bay-{number}: .* kWh so far", mark)
        manager.send(signal.SIGINT)
        self.assertEqual(-signal.SIGINT, manager.ended())
        return manager.lines[mark:]

    def test_again(self) -> None:
        """
        A Ctrl-C ends the transactions of its cars too: the next start finds none that its
        wallboxes do not know any more, and has nothing to complain of.
        """
        manager = self.sample()
        for times in (1, 2):
            lines = self.charge(manager)
            for bay in (1, 2):
                (ended,) = [line for line in lines if f"bay-{bay}: finished" in line]
                self.assertIn("(PowerLoss)", ended)
            loud = [line for line in lines if "#info]" not in line and "[-]" not in line]
            self.assertEqual([], loud)
            states = manager.rows("select state from transactions")
            self.assertEqual([("stopped",)] * 2 * times, states)
        self.assertEqual([], manager.rows("select * from stray_stops"))
