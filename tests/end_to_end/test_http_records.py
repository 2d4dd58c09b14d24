"""What was charged, over HTTP and from the console, while the program runs: to the letter."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import subprocess
from typing import Any, ClassVar
from urllib.request import ProxyHandler, Request, build_opener
from uuid import uuid4

from . import cases
from .program import WAIT_S, Program, free_port
from .station import dial, timestamp

#: As a meter makes it, with all that a JSON text may have and a writer would not write again.
OCMF = (
    r"OCMF|{\"FV\":\"1.0\",\"RD\":[{\"RV\":2935.6,\"RU\":\"kWh\"}]}|{\"SD\":\"3045\u0022\/\"}"
)


def signed(transaction_id: int, context: str) -> str:
    """The payload of a MeterValues request, with odd blanks, escapes and order of names."""
    return (
        f'{{ "transactionId" : {transaction_id},"meterValue":[{{"sampledValue" :\t['
        f'{{"context":"{context}","format":"SignedData","value":"{OCMF}"}},'
        '{"value":"1.5","unit":"kWh"},'
        '{"value":"11.0","unit":"kW","measurand":"Power.Active.Import"},'
        '{"value":"16","unit":"A","phase":"L2","measurand":"Current.Import"}],'
        f'"timestamp":"{timestamp(1)}"}}]  ,"connectorId":1}}'
    )


class Records(cases.PeersCase):
    """
    A charge whose meter signs what it says, on a site with a page.

    @ivar tokens: by their roles.
    """

    manager: ClassVar[Program]
    web_port: ClassVar[int]
    tokens: ClassVar[dict[str, str]]

    @classmethod
    def setUpClass(cls) -> None:
        """Start the program, which has an account, and make a token for each role."""
        super().setUpClass()
        cls.manager = cases.make_program()
        cls.addClassCleanup(cases.discard, cls.manager)
        cls.web_port = free_port()
        page = f"\n[web]\nlisten = tcp:{cls.web_port}:interface=127.0.0.1\n"
        cls.manager.configure(cases.tap_cfg(cls.manager.port) + page)
        done = cls.manager.console("set-password", said=f"{cases.PASSWORD}\n")
        assert done.returncode == 0, done
        cls.tokens = {role: cls.token(role) for role in ("viewer", "operator")}
        cls.manager.start()
        cls.manager.wait_for("the page is at")

    @classmethod
    def token(cls, role: str) -> str:
        """A new one, from the console."""
        done = cls.manager.console("token", f"test-{role}", "--role", role)
        assert (done.returncode, done.stderr) == (0, ""), done
        (found,) = [word for word in done.stdout.split() if len(word) >= 40]
        return found

    def test_charge(self) -> None:
        """All that was said comes out as it came, by HTTP and by the console."""
        self.run_peers(self.charge())

    async def charge(self) -> None:
        """Charge, and look."""
        number, texts = await self.charged("=TAG+1")
        found = json.loads(await self.get(f"/transactions/{number}/signed"))["records"]
        self.assertEqual(["start", "values", "values", "stop"], [one["what"] for one in found])
        self.assertEqual(texts, [one["payload"] for one in found])
        value = json.loads(f'"{OCMF}"')
        self.assertEqual(
            [[], [(value, "OCMF", "Transaction.Begin")], [(value, "OCMF", "Transaction.End")]],
            [
                [(it["value"], it["format"], it["context"]) for it in one["signed"]]
                for one in found[:3]
            ],
        )
        lines = (await self.get(f"/transactions/{number}/signed?format=ndjson")).splitlines()
        self.assertEqual(found, [json.loads(line) for line in lines])

        (one,) = json.loads(await self.get("/transactions"))["transactions"]
        self.assertEqual(
            ("=TAG+1", True, 2500, "stopped"),
            (one["id_tag"], one["has_signed"], one["energy_wh"], one["state"]),
        )
        found = json.loads(await self.get("/transactions", "viewer"))
        self.assertEqual("…G+1", found["transactions"][0]["id_tag"])
        self.assertNotIn("=TAG+1", str(found))
        curve = json.loads(await self.get(f"/transactions/{number}/curve", "viewer"))
        self.assertIn(11_000, curve["power_w"])
        self.assertIn(16_000, curve["current_ma"])
        self.assertEqual((0, 2500), (curve["energy_wh"][0], curve["energy_wh"][-1]))
        await self.tables(number)

    async def tables(self, number: int) -> None:
        """The same as tables: of the page, and of the console while the program runs."""
        octets = await self.get("/transactions?format=csv")
        (row,) = csv.DictReader(io.StringIO(octets.decode(), newline=""), strict=True)
        self.assertEqual((str(number), "'=TAG+1"), (row["transaction_id"], row["id_tag"]))
        accepted = await self.get("/transactions", accept="text/csv")
        self.assertEqual(octets, accepted)
        octets = await self.get("/statements?format=csv")
        (row,) = csv.DictReader(io.StringIO(octets.decode(), newline=""), strict=True)
        self.assertEqual("2500", row["energy_wh"])
        done = await asyncio.to_thread(
            self.manager.console, "export", "transactions", "--format", "json"
        )
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        (exported,) = json.loads(done.stdout)["transactions"]
        self.assertEqual(("=TAG+1", number), (exported["id_tag"], exported["id"]))

    async def charged(self, id_tag: str) -> tuple[int, list[str]]:
        """A charge from its start to its end: its number, and all that was said of it."""
        connection = await dial(self.manager, "CP-0001")
        try:
            boot = '{"chargePointVendor":"V","chargePointModel":"M"}'
            await self.call(connection, "BootNotification", boot)
            start = (
                f'{{"timestamp":"{timestamp()}", "meterStart":1000,"idTag":"{id_tag}",'
                '"connectorId": 1}'
            )
            answer = await self.call(connection, "StartTransaction", start)
            number = int(answer["transactionId"])
            begin, end = signed(number, "Transaction.Begin"), signed(number, "Transaction.End")
            for payload in (begin, end):
                await self.call(connection, "MeterValues", payload)
            stop = (
                f'{{"meterStop":3500,"transactionId":{number},"timestamp":"{timestamp(60)}"}}'
            )
            await self.call(connection, "StopTransaction", stop)
        finally:
            await connection.close()
        return number, [start, begin, end, stop]

    async def call(self, connection: Any, action: str, payload: str) -> dict[str, Any]:
        """Ask, in just these words; the answer's payload."""
        async with asyncio.timeout(WAIT_S):
            await connection.send(f'[2,"{uuid4()}","{action}",{payload}]')
            while True:
                frame = json.loads(await connection.recv())
                if frame[0] == 3:
                    answer: dict[str, Any] = frame[2]
                    return answer
                self.assertEqual(2, frame[0], frame)
                await connection.send(f'[4,"{frame[1]}","NotSupported","",{{}}]')

    async def get(self, path: str, role: str = "operator", accept: str = "*/*") -> bytes:
        """What is answered, as it is."""
        return await asyncio.to_thread(self.fetched, path, role, accept)

    def fetched(self, path: str, role: str, accept: str) -> bytes:
        """The same."""
        headers = {"Authorization": f"Bearer {self.tokens[role]}", "Accept": accept}
        url = f"http://127.0.0.1:{self.web_port}/api/v1{path}"
        request = Request(url, headers=headers)
        with build_opener(ProxyHandler({})).open(request, timeout=WAIT_S) as answer:
            octets: bytes = answer.read()
            return octets

    def test_curl(self) -> None:
        """Curl keeps a long table as a file of the name that it is given."""
        subprocess.run(
            [
                "curl", "-fsS", "--noproxy", "*", "-m", "30", "-O", "-J",
                "-H", f"Authorization: Bearer {self.tokens['viewer']}",
                f"http://127.0.0.1:{self.web_port}/api/v1/transactions?format=csv",
            ],
            cwd=self.manager.folder, check=True, timeout=60,
        )  # fmt: skip
        head = (self.manager.folder / "transactions.csv").read_bytes()
        self.assertTrue(head.startswith(b"transaction_id,"), head)
        self.assertTrue(head.endswith(b"\r\n"), head)
