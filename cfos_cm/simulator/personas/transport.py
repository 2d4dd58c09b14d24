"""Oddities of the connection: Q1 to Q8, Q10, Q44 and X10."""

from __future__ import annotations

import json
from functools import partial
from typing import Any
from urllib.parse import quote

from attrs import frozen

from cfos_cm.quirk import Quirk
from cfos_cm.simulator.personas.charging import charge, end
from cfos_cm.simulator.personas.frames import Opcode
from cfos_cm.simulator.personas.payloads import energy
from cfos_cm.simulator.personas.persona import (
    ANSWERED,
    Make,
    Outcome,
    Persona,
    Reaction,
)
from cfos_cm.simulator.personas.stage import NotShown
from cfos_cm.simulator.personas.wallbox import Wallbox

__all__ = ["TRANSPORT"]

#: How soon a wallbox that comes back must be served although its old connection seems alive.
#: An old one that is asked whether it lives has some seconds to answer. [s]
_COMES_BACK_S = 5.0
#: Longer than any firmware writes, and within what a Central System has to read. [bytes]
_LARGE = 200_000

_REFUSED_OR_CLOSED = frozenset({Reaction.REFUSED, Reaction.CLOSED})
_SAID_BY_CLOSING = frozenset({Reaction.CLOSED, Reaction.TOLERATED})


async def _lacks(wallbox: Wallbox, **what: Any) -> None:
    """Be served although something is missing when it connects; see L{Wallbox.dial}."""
    await wallbox.knock()
    wallbox.must("connects without it", await wallbox.dial(**what))
    await wallbox.boot()
    await wallbox.heartbeat("says Heartbeat")


async def _several_versions(wallbox: Wallbox) -> None:
    await wallbox.knock()
    both = await wallbox.dial(subprotocols="ocpp2.0.1, ocpp1.6")
    wallbox.must("offers ocpp2.0.1 and ocpp1.6", both)
    wallbox.claim("gets ocpp1.6, which it speaks", both.detail == "ocpp1.6", both.detail)
    await wallbox.boot()
    await wallbox.close()
    other = await wallbox.dial(subprotocols="ocpp2.0.1")
    wallbox.judge("offers only ocpp2.0.1, and does not speak it", other, _REFUSED_OR_CLOSED)
    await wallbox.close()
    await wallbox.connect()


async def _origins(wallbox: Wallbox) -> None:
    await wallbox.knock()
    for origin in ("file://", "http://simulator.test"):
        wallbox.must(f"says Origin: {origin}", await wallbox.dial(origin=origin))
        await wallbox.boot()
        await wallbox.close()
    await wallbox.connect()


@frozen
class _Form:
    """
    What a wallbox makes of the URL and the identity that it is given.

    @ivar target: what it asks for.
    @ivar user: whose password it shows.
    """

    what: str
    target: str
    user: str


def _forms(path: str, identity: str) -> list[_Form]:
    quoted = quote(identity, safe="")
    dashed = "".join(
        char if char.isascii() and char.isalnum() else f"%{ord(char):02X}" for char in identity
    )
    lower, upper = identity.lower(), identity.upper()
    return [
        _Form("appends its identity", f"{path}/{quoted}", identity),
        _Form("ends with a slash", f"{path}/{quoted}/", identity),
        _Form("doubles the slash", f"{path}//{quoted}", identity),
        _Form("appends its identity twice", f"{path}/{quoted}/{quoted}", identity),
        _Form("puts a path before it", f"{path}/ocpp/{quoted}", identity),
        _Form(
            "puts a longer path before it",
            f"{path}/steve/websocket/CentralSystemService/{quoted}",
            identity,
        ),
        _Form("writes it in lower case", f"{path}/{quote(lower, safe='')}", lower),
        _Form("writes it in upper case", f"{path}/{quote(upper, safe='')}", upper),
        _Form("percent-encodes what it need not", f"{path}/{dashed}", identity),
        _Form("adds a blank", f"{path}/{quoted}%20", f"{identity} "),
        _Form("adds a query", f"{path}/{quoted}?version=1.6", identity),
    ]


async def _forms_of_identity(wallbox: Wallbox) -> None:
    stage = wallbox.stage
    await wallbox.connect()
    await wallbox.close()
    for form in _forms(stage.address.path, stage.identity):
        outcome = await wallbox.dial(form.target, user=form.user)
        if wallbox.judge(f"{form.what}: {form.target}", outcome):
            await wallbox.boot(again=True)
            await wallbox.moment(form.what)
            await wallbox.close()


async def _half_open(wallbox: Wallbox) -> None:
    await wallbox.connect()
    wallbox.link.socket.go_deaf()
    begun_s = wallbox.stage.reactor.seconds()
    await _comes_back(wallbox)
    took_s = wallbox.stage.reactor.seconds() - begun_s
    wallbox.claim(
        "is served again soon although its old connection was never closed",
        took_s <= _COMES_BACK_S,
        f"after {took_s:.1f} s",
    )
    wallbox.link.socket.send_frame(Opcode.TEXT, b"[]", reserved=4)
    closed = await wallbox.link.expect(lambda: None, wallbox.stage.timeout_s)
    wallbox.judge("sends a frame with a reserved bit", closed, _SAID_BY_CLOSING)
    await _comes_back(wallbox)


async def _comes_back(wallbox: Wallbox) -> None:
    """Whoever was served is served again, whatever became of his last connection."""
    wallbox.must("connects again", await wallbox.dial())
    await wallbox.boot(again=True)


async def _no_pongs(wallbox: Wallbox) -> None:
    await wallbox.connect()
    wallbox.link.socket.answers_pings = False
    await wallbox.pause(wallbox.stage.patience_s)
    outcome = await wallbox.call("Heartbeat", {})
    came = f"{wallbox.link.socket.pings} came within {wallbox.stage.patience_s:g} s"
    wallbox.judge(f"answers no ping ({came}) and says Heartbeat", outcome)


async def _away(wallbox: Wallbox) -> None:
    await wallbox.connect()
    number = await charge(wallbox)
    await wallbox.drop()
    await wallbox.moment("away")
    await wallbox.pause(wallbox.stage.patience_s)
    await wallbox.reconnect()
    outcome = await wallbox.measure(number, energy(1500))
    wallbox.judge("goes on with its transaction", outcome)
    await wallbox.moment("back")
    await end(wallbox, number)


async def _slow_to_boot(wallbox: Wallbox) -> None:
    await wallbox.enter()
    await wallbox.pause(wallbox.stage.patience_s)
    wallbox.claim(
        f"is silent for {wallbox.stage.patience_s:g} s and is still connected",
        not wallbox.link.is_over,
        "" if not wallbox.link.is_over else wallbox.link.how_it_ended(),
    )
    await wallbox.boot()


async def _pieces(wallbox: Wallbox) -> None:
    unique_id = wallbox.new_id()
    text = json.dumps([2, unique_id, "Heartbeat", {}]).encode()
    answer = wallbox.expect_answer(unique_id)
    wallbox.link.socket.send_pieces([text[:9], b"", text[9:20], text[20:]], between=b"still")
    wallbox.judge("sends a message in four pieces with pings between", await answer)
    large = {"vendorId": "org.example.large", "data": "x" * _LARGE}
    what = f"sends a message of {_LARGE} bytes"
    await wallbox.judge_call(what, "DataTransfer", large, ANSWERED)


async def _padded(wallbox: Wallbox) -> None:
    for what, before, behind in (
        ("puts a byte order mark before a message", b"\xef\xbb\xbf", b""),
        ("puts a NUL behind a message", b"", b"\0"),
    ):
        unique_id = wallbox.new_id()
        text = json.dumps([2, unique_id, "Heartbeat", {}]).encode()
        wallbox.judge(what, await wallbox.say(before + text + behind, unique_id))


async def _odd_messages(wallbox: Wallbox) -> None:
    await wallbox.connect()
    await _pieces(wallbox)
    first, second = wallbox.new_id(), wallbox.new_id()
    texts = [json.dumps([2, one, "Heartbeat", {}]).encode() for one in (first, second)]
    outcome = await wallbox.say(b"".join(texts), first, within_s=1.0)
    wallbox.judge(
        "sends two JSON texts in one message",
        outcome,
        frozenset({Reaction.HUNG, Reaction.REFUSED, Reaction.TOLERATED}),
    )
    await wallbox.heartbeat()
    await _padded(wallbox)
    wallbox.link.socket.send_frame(
        Opcode.BINARY, json.dumps([2, "b", "Heartbeat", {}]).encode()
    )
    closed = await wallbox.link.expect(lambda: None, 1.0)
    if closed.reaction is Reaction.HUNG:
        closed = Outcome(Reaction.TOLERATED, "the connection stays")
    wallbox.judge("sends a binary message", closed, _SAID_BY_CLOSING)
    await wallbox.close()
    await _comes_back(wallbox)


async def _forms_of_key(wallbox: Wallbox) -> None:
    password = wallbox.stage.password
    key = None if password is None else _key_bytes(password)
    if key is None:
        raise NotShown("--password must have 32 to 40 hexadecimal digits to show this")
    if (await wallbox.dial(anonymous=True)).reaction is Reaction.TOLERATED:
        raise NotShown(f"the Central System asks {wallbox.stage.identity} for no password")
    outcomes = {}
    for what, form in (
        ("the key's bytes", key),
        ("its digits in lower case", key.hex().encode()),
        ("its digits in upper case", key.hex().upper().encode()),
    ):
        outcomes[what] = await wallbox.dial(password=form)
        if outcomes[what].reaction is Reaction.TOLERATED:
            await wallbox.boot()
            await wallbox.close()
    if not any(outcome.reaction is Reaction.TOLERATED for outcome in outcomes.values()):
        # In no form: then it is another key, or another identity.
        await wallbox.enter()
    for what, outcome in outcomes.items():
        wallbox.judge(f"proves who it is with {what}", outcome)
    wrong = await wallbox.dial(password=bytes([key[0] ^ 1]) + key[1:])
    wallbox.judge("sends a key that differs in one bit", wrong, _REFUSED_OR_CLOSED)


def _key_bytes(password: bytes) -> bytes | None:
    """The bytes that an AuthorizationKey of hexadecimal digits stands for."""
    if 16 <= len(password) <= 20:
        return password
    try:
        return bytes.fromhex(password.decode("ascii")) if 32 <= len(password) <= 40 else None
    except ValueError:
        return None


TRANSPORT = (
    Persona(
        number="Q1",
        title="offers no subprotocol",
        boxes="Grizzl-E and others",
        why="A Central System that insists on Sec-WebSocket-Protocol never gets to see it.",
        evidence=(
            "https://github.com/lbbrhzn/ocpp/issues/442",
            "https://github.com/steve-community/steve/issues/1109",
            "https://github.com/steve-community/steve/issues/135",
            "https://github.com/sap-labs-france/ev-server/issues/2761",
            "https://github.com/dallmann-consulting/OCPP.Core/issues/43",
        ),
        make=Make("United Chargers", "Grizzl-E Smart"),
        script=partial(_lacks, subprotocols=None),
        needs=frozenset({Quirk.NO_SUBPROTOCOL}),
    ),
    Persona(
        number="Q2",
        title="sends no Connection header",
        boxes="not named",
        why="The upgrade is clear all the same; a strict HTTP parser refuses it.",
        evidence=("https://github.com/lbbrhzn/ocpp/pull/1984",),
        make=Make("Vendor", "No Connection Header"),
        script=partial(_lacks, connection=False),
        needs=frozenset({Quirk.NO_CONNECTION_HEADER}),
    ),
    Persona(
        number="Q3",
        title="offers versions that it does not speak",
        boxes="FoxESS",
        why="It is served only if ocpp1.6 is chosen whenever it is offered.",
        evidence=("https://github.com/lbbrhzn/ocpp/issues/2008",),
        make=Make("FoxESS", "A011KP1-E-B-W"),
        script=_several_versions,
    ),
    Persona(
        number="Q4",
        title="writes its identity in another form, in the URL and beside its password",
        boxes="many: what is typed into a field is not what goes out",
        why="It has to be the same wallbox in all of them, or it charges without a limit.",
        evidence=(
            "https://github.com/steve-community/steve/issues/689",
            "https://github.com/c-jimenez/open-ocpp/pull/198",
            "https://github.com/SAP/e-mobility-charging-stations-simulator/issues/1034",
        ),
        make=Make("Vendor", "Many Forms"),
        script=_forms_of_identity,
    ),
    Persona(
        number="Q5",
        title="comes back while its old connection seems open",
        boxes="all, after the cable was pulled or the router has started again",
        why="Who is refused because he is still there stays out until TCP gives up: minutes.",
        evidence=(
            "https://github.com/lorenzodonini/ocpp-go/issues/314",
            "https://github.com/lorenzodonini/ocpp-go/issues/358",
        ),
        make=Make("Vendor", "Half Open"),
        script=_half_open,
    ),
    Persona(
        number="Q6",
        title="does not answer pings",
        boxes="not named; MENNEKES 4You drops dead by triggers",
        why="Thrown out for it, it dials again and again. Play it with --patience 60.",
        evidence=(
            "https://github.com/mikuso/ocpp-rpc/issues/80",
            "https://github.com/lbbrhzn/ocpp/pull/140",
            "https://github.com/evcc-io/evcc/issues/32236",
        ),
        make=Make("Vendor", "No Pong"),
        script=_no_pongs,
        needs=frozenset({Quirk.NO_PING}),
    ),
    Persona(
        number="Q7",
        title="stays away for minutes while it charges",
        boxes="FoxESS (6 to 19 minutes), Teison (until it is restarted)",
        why="Its transaction goes on, and has to be the same one when it is back.",
        evidence=("lbbrhzn/ocpp, supported-devices.md",),
        make=Make("FoxESS", "A011KP1-E-B-W"),
        script=_away,
    ),
    Persona(
        number="Q8",
        title="connects and says nothing for minutes",
        boxes="MENNEKES Amtron 4You (up to 15 minutes)",
        why=(
            "Thrown out for its silence, it begins from the start. Play it with --patience 900."
        ),
        evidence=("evcc-io/evcc, template of the MENNEKES 4You",),
        make=Make("MENNEKES", "Amtron 4You"),
        script=_slow_to_boot,
    ),
    Persona(
        number="Q10",
        title="sends pieces, large and binary messages, marks and padding",
        boxes="not named",
        why=(
            "Each is one message to a WebSocket; what cannot be understood must not end "
            "the rest."
        ),
        evidence=(),
        make=Make("Vendor", "Odd Messages"),
        script=_odd_messages,
        needs=frozenset({Quirk.PADDED_FRAMES}),
    ),
    Persona(
        number="Q44",
        title="sends its key as bytes, or as the text that was typed",
        boxes="two firmwares, not named",
        why=(
            "OCPP means the decoded bytes; many send the digits. Neither may lock the "
            "owner out."
        ),
        evidence=(
            "https://github.com/steve-community/steve/issues/1895",
            "EVerest, issue 2034",
        ),
        make=Make("Vendor", "Both Keys"),
        script=_forms_of_key,
    ),
    Persona(
        number="X10",
        title="says Origin, as a browser does",
        boxes="those built on arduinoWebSockets, simulators in a browser",
        why="Whoever lets all pages in lets every web site pass itself off as a wallbox.",
        evidence=(
            "https://github.com/Links2004/arduinoWebSockets/issues/182",
            "https://github.com/lorenzodonini/ocpp-go/issues/103",
        ),
        make=Make("Vendor", "In A Browser"),
        script=_origins,
        needs=frozenset({Quirk.FOREIGN_ORIGIN}),
    ),
)
