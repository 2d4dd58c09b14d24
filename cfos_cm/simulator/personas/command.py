"""C{cfos-cm fake-charger}: odd wallboxes against any Central System, from the console."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectingCancelledError

from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.errors import LocalProtocolError
from cfos_cm.net.client_material import SYSTEM_ROOTS, ClientMaterial, read_material
from cfos_cm.simulator.personas.catalogue import NOT_PLAYED, PERSONAS
from cfos_cm.simulator.personas.persona import Performance, Persona, Verdict
from cfos_cm.simulator.personas.play import play
from cfos_cm.simulator.personas.stage import NobodyThere, Stage
from cfos_cm.simulator.personas.upgrade import Address, address_of
from cfos_cm.site.tag import MAX_ID_TAG_CHARS
from cfos_cm.wire.charge_box import is_identity

__all__ = ["add_fake_charger_command"]

Write = Callable[[str], None]

#: The exit status of a command that was ended by Ctrl-C, as shells have it.
_INTERRUPTED = 130
_MAX_CONNECTOR = 1000
_MAX_WAIT_S = 3600.0


def add_fake_charger_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> None:
    """Add C{fake-charger} to the command line."""
    command = commands.add_parser(
        "fake-charger",
        help="play odd wallboxes against a Central System",
        description="Plays wallboxes with the oddities of real ones against any Central System "
        "of OCPP 1.6J, and says what it made of each. The exit status is 0 if it did what a "
        "robust one does, wherever it could be shown; 1 if it did not, if nothing could be "
        "shown, or if it is not there; 130 if it was interrupted. It has to know the "
        "wallbox, and to let it charge.",
    )
    command.add_argument(
        "url", metavar="URL", nargs="?", type=_address, help="such as ws://127.0.0.1:19520/"
    )
    _add_tls(command)
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument("--list", action="store_true", help="show every persona, and end")
    what.add_argument("--all", action="store_true", help="play every persona")
    what.add_argument(
        "--persona",
        metavar="Q",
        action="append",
        type=_personas,
        help="play one, such as Q11, or several, such as Q11,Q12",
    )
    _add_wallbox(command)
    _add_manner(command)
    command.set_defaults(run=_run, usage_error=command.error)


def _add_tls(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--ca-certificates",
        metavar="FILE",
        action="append",
        default=[],
        help="with wss://, who may have signed the server's certificate (PEM), or that itself; "
        f"{SYSTEM_ROOTS}: whom this computer believes; without it any is taken",
    )
    command.add_argument("--certificate", metavar="FILE", help="what is shown to it (PEM)")
    command.add_argument("--private-key", metavar="FILE", help="the certificate's key (PEM)")


def _add_wallbox(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--id", metavar="ID", type=_identity, default="FAKE-1", help="its ChargeBox ID"
    )
    command.add_argument("--password", metavar="TEXT", help="of HTTP Basic authentication")
    command.add_argument(
        "--password-form",
        choices=("text", "hex"),
        default="text",
        help="hex: TEXT is the hexadecimal form of the bytes to send",
    )
    command.add_argument(
        "--connector", metavar="N", type=_connector, default=1, help="which one charges"
    )
    command.add_argument(
        "--id-tag",
        metavar="TAG",
        type=_id_tag,
        default="04A1B2C3D4E5F6",
        help="whose card is shown; it should be one that may charge",
    )


def _add_manner(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=_seconds,
        default=10.0,
        help="how long an answer is waited for",
    )
    command.add_argument(
        "--patience",
        metavar="SECONDS",
        type=_seconds,
        default=1.0,
        help="how long it stays away, is silent, or waits for an operator",
    )
    command.add_argument("--json", action="store_true", help="for a program: one object a line")
    command.add_argument("--transcript", action="store_true", help="show all that was said")


def _run(options: argparse.Namespace, write: Write) -> int:
    if options.list:
        for line in _listing():
            write(line)
        return 0
    if options.url is None:
        options.usage_error("the URL of a Central System is required")
    try:
        password = _password(options)
    except ValueError:
        # What was given is not repeated: it is meant for nobody's screen.
        options.usage_error(
            "argument --password: with --password-form hex, an even number of "
            "hexadecimal digits is allowed"
        )
    try:
        material = read_material(_Files(options))
    except (CertificateFault, LocalProtocolError) as error:
        options.usage_error(str(error))
    chosen = tuple(PERSONAS.values()) if options.all else _chosen(options.persona)
    remark = _complain if options.json else write
    status = _in_reactor(
        lambda reactor: _play_all(reactor, chosen, options, password, material, write, remark)
    )
    if status is None:
        remark(f"interrupted; {options.id} may have left a transaction open")
        return _INTERRUPTED
    return status


class _Files:
    """The files that the command line names."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.ca_certificates: tuple[str, ...] = tuple(options.ca_certificates)
        self.certificate: str | None = options.certificate
        self.private_key: str | None = options.private_key


def _complain(line: str) -> None:
    """Say something beside an output that is for a program."""
    sys.stderr.write(f"{line}\n")


def _in_reactor(work: Callable[[Any], Any]) -> int | None:
    """
    Run the reactor, which a process can do once, for one piece of work.

    @return: its exit status; C{None} if a signal has ended it.
    """
    from twisted.internet.task import react

    status: int | None = None

    async def run(reactor: Any) -> None:
        nonlocal status
        working = Deferred.fromCoroutine(work(reactor))
        # Before the reactor ends the connections: that is no reaction of the other side.
        reactor.addSystemEventTrigger("before", "shutdown", working.cancel)
        with contextlib.suppress(CancelledError, ConnectingCancelledError):
            status = await working

    try:
        react(lambda reactor: Deferred.fromCoroutine(run(reactor)))
    except SystemExit as ended:
        return 1 if ended.code else status


async def _play_all(
    reactor: Any,
    personas: Iterable[Persona],
    options: argparse.Namespace,
    password: bytes | None,
    material: ClientMaterial,
    write: Write,
    remark: Write,
) -> int:
    """
    Play, and tell of it.

    @param write: is given what is found.
    @param remark: is given what is no verdict.
    @return: the exit status.
    """
    stage = Stage(
        reactor=reactor,
        now=lambda: datetime.now(UTC),
        address=options.url,
        material=material,
        identity=options.id,
        password=password,
        connector=options.connector,
        id_tag=options.id_tag,
        timeout_s=options.timeout,
        patience_s=options.patience,
        tell=(lambda _: None) if options.json else write,
    )
    verdicts = []
    for persona in personas:
        try:
            performance = await play(persona, stage)
        except NobodyThere as error:
            remark(str(error))
            return 1
        for line in _told(performance, options):
            write(line)
        verdicts.append(performance.verdict)
    if not options.json:
        write(_summary(verdicts))
    return _status(verdicts)


def _listing() -> Iterable[str]:
    for persona in PERSONAS.values():
        yield f"{persona.number:<4} {persona.description} [{persona.boxes}]"
    for number, reason in NOT_PLAYED.items():
        yield f"{number:<4} not played: {reason}"


def _told(performance: Performance, options: argparse.Namespace) -> Iterable[str]:
    if options.json:
        found = performance.as_json()
        if not options.transcript:
            del found["transcript"]
        yield json.dumps(found)
        return
    persona = performance.persona
    yield f"{persona.number} {persona.title}"
    if options.transcript:
        yield from performance.transcript
    for finding in performance.findings:
        detail = f": {finding.detail}" if finding.detail else ""
        mark = "ok " if finding.good else "BAD"
        yield f"  {mark} {finding.reaction.value:<9} {finding.what}{detail}"
    if performance.not_shown:
        yield f"      {performance.not_shown}"
    yield f"  {performance.verdict.value}"
    if performance.verdict is Verdict.FAILED:
        yield f"  why it matters: {persona.why}"
        for one in persona.evidence:
            yield f"  seen in: {one}"


def _status(verdicts: list[Verdict]) -> int:
    # What was not shown says nothing; but if nothing was shown, nothing has passed.
    return 0 if Verdict.FAILED not in verdicts and Verdict.PASSED in verdicts else 1


def _summary(verdicts: list[Verdict]) -> str:
    counts = [(verdict.value, verdicts.count(verdict)) for verdict in Verdict]
    return ", ".join(f"{count} {word}" for word, count in counts)


def _password(options: argparse.Namespace) -> bytes | None:
    """
    The bytes to send: as they were typed, also where they are no UTF-8.

    @raise ValueError: if they are no hexadecimal digits.
    """
    text: str | None = options.password
    if text is None:
        return None
    if options.password_form == "hex":  # noqa: S105
        return bytes.fromhex(text)
    return text.encode("utf-8", "surrogateescape")


def _chosen(lists: Iterable[tuple[Persona, ...]]) -> tuple[Persona, ...]:
    return tuple(persona for personas in lists for persona in personas)


def _personas(text: str) -> tuple[Persona, ...]:
    return tuple(_persona(word) for word in text.split(","))


def _persona(text: str) -> Persona:
    number = text.upper()
    if number in PERSONAS:
        return PERSONAS[number]
    if number in NOT_PLAYED:
        raise argparse.ArgumentTypeError(f"{number} is not played: it {NOT_PLAYED[number]}")
    raise argparse.ArgumentTypeError(f"{text!r} is none of the personas; --list shows them")


def _address(text: str) -> Address:
    try:
        return address_of(text)
    except LocalProtocolError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _identity(text: str) -> str:
    if not is_identity(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a ChargeBox ID")
    return text


def _id_tag(text: str) -> str:
    if not 0 < len(text) <= MAX_ID_TAG_CHARS or not text.isprintable():
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a tag: 1 to {MAX_ID_TAG_CHARS} printable characters"
        )
    return text


def _connector(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text[:9]) <= _MAX_CONNECTOR:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {_MAX_CONNECTOR}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _MAX_WAIT_S:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of seconds, above 0 and at most {_MAX_WAIT_S:g}"
        )
    return seconds
