"""Messages to the letter, with what is signed in them."""

from __future__ import annotations

import json

from cfos_cm.services.web.signed import signed_in
from cfos_cm.storage import reading_pages
from cfos_cm.web.answer import Stream
from tests.nasty_strings import NASTY_STRINGS
from tests.storage.ledger_contract import stop_of

from .record_case import NOW, RecordCase, text_of

OCMF = 'OCMF|{"FV":"1.0","RD":[{"TM":"2026-11-22T11:06:07,000+0100 S"}]}|{"SD":"30"}'


def signed_values(value: str, context: str = "Transaction.Begin") -> str:
    """A MeterValues request with a signed value, in odd but allowed JSON."""
    sampled = {"value": value, "format": "SignedData", "context": context}
    told = {"timestamp": "2026-11-22T10:06:07Z", "sampledValue": [sampled, {"value": "1"}]}
    return json.dumps({"connectorId": 1, "meterValue": [told]}, indent=3)


class SignedIn(RecordCase):
    """Finding signed values in a message."""

    def test_found(self) -> None:
        """A signed value is found with its form, its reason and its time, and no other is."""
        (found,) = signed_in(signed_values(OCMF))
        self.assertEqual(
            (OCMF, "OCMF", "Transaction.Begin", "2026-11-22T10:06:07Z"),
            (found.value, found.format, found.context, found.timestamp),
        )
        (found,) = signed_in(signed_values("0a0b"))
        self.assertEqual("SignedData", found.format)

    def test_otherForms(self) -> None:
        """Capitals, letters as numbers, and the lists of OCPP 1.5 hide nothing."""
        text = signed_values(OCMF)
        for other in (
            text.replace("SignedData", "signeddata"),
            text.replace("SignedData", "\\u0053ignedData"),
            '{"values":[{"timestamp":"T","value":[{"value":"x","format":"SignedData"}]}]}',
        ):
            self.assertEqual(1, len(signed_in(other)), other)

    def test_nothing(self) -> None:
        """Where nothing is signed, or nothing can be read, nothing is found."""
        for text in ("", "{", "SignedData", "[" * 100_000 + "SignedData", '"SignedData"',
                     '{"format":"SignedData"}', '{"value":7,"format":"SignedData"}',
                     signed_values("1").replace("SignedData", "Raw")):  # fmt: skip
            self.assertEqual((), signed_in(text), text[:50])

    def test_deep(self) -> None:
        """What is hidden deeper than any message goes is not looked for."""
        inner = '{"value":"x","format":"SignedData"}'
        self.assertEqual((), signed_in("[" * 500 + inner + "]" * 500))


class Signed(RecordCase):
    """C{GET /transactions/{id}/signed}."""

    async def test_records(self) -> None:
        """The start, all that a bill may hang on, and the stop are told to the letter."""
        self.patch(reading_pages, "MAX_READINGS_READ", 2)
        await self.begin()
        number = await self.charge(NOW, None)
        told = [signed_values(f"{OCMF}{index}") for index in range(5)]
        for text in told:
            await self.tell(number, text)
            await self.tell(number, '{"plain":1}')
        stop = signed_values("end", "Transaction.End")
        await self.ledger.stop(stop_of(number, request_text=stop))
        (kept,) = await self.ledger.transactions()
        for path_format in ("json", "ndjson"):
            answer = await self.answer(f"/transactions/{number}/signed", format=path_format)
            assert isinstance(answer, Stream)
            self.assertIn(f"transaction-{number}.", answer.headers["Content-Disposition"])
            text = await text_of(answer)
            records = (
                json.loads(text)["records"]
                if path_format == "json"
                else [json.loads(line) for line in text.splitlines()]
            )
            payloads = [one["payload"] for one in records]
            self.assertEqual([kept.start_text, *told, stop], payloads)
            self.assertEqual(
                ["start", *["values"] * 5, "stop"], [one["what"] for one in records]
            )
            self.assertEqual(
                [0, *[1] * 6], [len(one["signed"]) for one in records], path_format
            )
            self.assertEqual(NOW.isoformat().replace("+00:00", "Z"), records[1]["received_at"])
            self.assertIsNone(records[0]["received_at"])

    async def test_accept(self) -> None:
        """Lines are asked for by Accept, too."""
        await self.begin()
        await self.charge(NOW, None)
        answer = await self.answer("/transactions/1/signed", accept="application/x-ndjson")
        self.assertEqual(1, len((await text_of(answer)).splitlines()))

    async def test_nasty(self) -> None:
        """Whatever a meter signs comes out as it came, byte for byte."""
        await self.begin()
        number = await self.charge(NOW, None)
        said = [
            signed_values(text).replace("\n", "\r\n\t")
            for text in NASTY_STRINGS
            if "\0" not in text and len(text) < 1000
        ] + [
            json.dumps({"value": text, "format": "SignedData"}, ensure_ascii=False)
            for text in NASTY_STRINGS
            if len(text) < 1000
        ]
        for payload in said:
            await self.tell(number, payload)
        found = await self.json(f"/transactions/{number}/signed")
        self.assertEqual(said, [one["payload"] for one in found["records"][1:]])
        values = [one["signed"][0]["value"] for one in found["records"][1:]]
        self.assertEqual([_value(payload) for payload in said], values)


def _value(payload: str) -> str:
    told = json.loads(payload)
    if "value" in told:
        return str(told["value"])
    return str(told["meterValue"][0]["sampledValue"][0]["value"])
