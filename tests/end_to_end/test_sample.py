"""The sample site: its wallboxes are virtual, and live and end with the program."""

from __future__ import annotations

import os
import signal

from . import cases
from .ports import ports_in_a_row
from .program import ROOT, Program, free_port

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

    def test_as_shipped(self) -> None:
        """
        The site of C{make run}: a wallbox with OCPP, one with Modbus and the house's meter,
        which sees them all, and a backend that both bill through. What the house draws is taken
        off what the cars get. All of it ends tidily, and begins again.
        """
        manager = self.shipped()
        for times in (1, 2):
            mark = manager.mark()
            manager.start()
            manager.wait_for("meter grid is read", mark)
            for bay in (1, 2):
                manager.wait_for(rf"bay-{bay}: .* kWh so far", mark)
                begun = rf"demo-backend: transaction \d+ begins: DE\*KLN\*E{bay} "
                manager.wait_for(begun, mark)
            manager.wait_for("may have .*: phase L. of house", mark)
            manager.send(signal.SIGINT)
            self.assertEqual(-signal.SIGINT, manager.ended())
            self.assert_tidy(manager.lines[mark:])
            states = manager.rows("select state from transactions")
            self.assertEqual([("stopped",)] * 2 * times, states)

    def test_backend(self) -> None:
        """
        Both bays bill through the backend, a process of its own. What it is not told because
        somebody has stopped it waits, and is billed when it is there again.
        """
        manager = self.shipped(("car_needs = 8", "car_needs = 1"))
        manager.start()
        process = manager.wait_for(r"demo-backend is a process .*: kill (\d+)")
        for bay in (1, 2):
            manager.wait_for(rf"transaction \d+ begins: DE\*KLN\*E{bay} ")
        os.kill(int(process[1]), signal.SIGTERM)
        manager.wait_for("demo-backend has ended: by signal 15")
        for bay in (1, 2):
            manager.wait_for(rf"bay-{bay}: finished")
        listed = manager.console("gateway", "list").stdout
        for bay in (1, 2):
            waiting = (
                rf"(?m)^bay-{bay} +DE\*KLN\*E{bay} +authority +[1-9]\d* +0 +not connected: "
            )
            self.assertRegex(listed, waiting)
        backend = Program(manager.folder, manager.port, ("cfos-backend", "--config", "tap.cfg"))
        self.addCleanup(backend.clean_up)
        backend.start("demo-backend: a backend is at ")
        for bay in (1, 2):
            bill = rf"bill [12]: DE\*KLN\*E{bay} connector 1, card ….*, 1\.00 kWh, "
            backend.wait_for(bill)
        manager.send(signal.SIGINT)
        self.assertEqual(-signal.SIGINT, manager.ended())
        backend.stop()
        loud = [line for line in manager.lines if "#info]" not in line and "[-]" not in line]
        self.assertEqual([], loud)

    def shipped(self, *changes: tuple[str, str]) -> Program:
        """The site of C{make run}, on other ports and with less patience."""
        manager = self.program()
        modbus, backend = ports_in_a_row(4), free_port()
        text = (ROOT / "tap.cfg").read_text(encoding="utf-8")
        for before, after in (("ws://127.0.0.1:9210/", f"ws://127.0.0.1:{backend}/"), *changes):
            self.assertEqual(2, text.count(before), before)
            text = text.replace(before, after)
        for before, after in (
            ("listen = tcp:4712:", f"listen = tcp:{free_port()}:"),
            (";backend_port = 9210", f"backend_port = {backend}"),
            (";port = 19520", f"port = {manager.port}"),
            (";url = ws://127.0.0.1:19520/", f"url = ws://127.0.0.1:{manager.port}/"),
            ("tcp:127.0.0.1:4701", f"tcp:127.0.0.1:{modbus}"),
            (";modbus_port =", f"modbus_port = {modbus}"),
            ("tcp:127.0.0.1:1502", f"tcp:127.0.0.1:{modbus + 3}"),
            ("type = meter\n", f"type = meter\nmodbus_port = {modbus + 3}\n"),
            ("arrives_after = 20", "arrives_after = 1"),
        ):
            self.assertEqual(1, text.count(before), before)
            text = text.replace(before, after)
        manager.configure(text)
        return manager

    def assert_tidy(self, lines: list[str]) -> None:
        """Nothing was complained of, and both charges have ended."""
        for bay in (1, 2):
            (ended,) = [line for line in lines if f"bay-{bay}: finished" in line]
            self.assertNotIn("energy unknown", ended)
            self.assertNotIn(" 0.00 kWh", ended)
        loud = [line for line in lines if "#info]" not in line and "[-]" not in line]
        self.assertEqual([], loud)

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
