"""C{cfos-cm charge-point}: wallboxes and their security, from the console."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from cfos_cm.services.charge_point_orders import MAX_EVENTS
from cfos_cm.services.console_database import Write
from cfos_cm.services.console_verbs import Verbs, Work, add_config, add_verb, ask_manager
from cfos_cm.services.console_words import local_time, table

__all__ = ["add_charge_point_commands"]

#: How many events are shown, unless more are asked for.
_USUAL_EVENTS = 20

#: What each security profile is, for people.
_PROFILES = {
    0: "0 (plain, nothing proved)",
    1: "1 (plain, password)",
    2: "2 (TLS)",
    3: "3 (TLS, certificate)",
}


def add_charge_point_commands(
    commands: Verbs[argparse.ArgumentParser],
) -> None:
    """Add C{charge-point} with its own commands to the command line."""
    charge_point = commands.add_parser(
        "charge-point",
        help="wallboxes: who is connected, how safely, what they tell of their security",
        description="The wallboxes that connect to the manager that runs, and the security of "
        "their connections. The exit status is 1 when something was not done.",
    )
    verbs = charge_point.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add(verbs, "list", "show every wallbox in a line", _list)
    _name(_add(verbs, "show", "show all that is known of one", _show))
    events = _add(verbs, "events", "show what one has told of its security", _events)
    _name(events)
    events.add_argument(
        "--limit",
        type=int,
        default=_USUAL_EVENTS,
        help=f"how many of the newest: 1 to {MAX_EVENTS}; {_USUAL_EVENTS} without it",
    )
    allow = _add(
        verbs,
        "allow",
        "let wallboxes connect less safely than they did before, until they do so again",
        _allow,
    )
    allow.add_argument("identities", metavar="ID", nargs="+", help="its ChargeBox ID")
    allow.add_argument(
        "--profile",
        type=int,
        choices=(0, 1, 2),
        default=0,
        help="the least that is allowed: 0 or 1 without TLS, 2 without a certificate",
    )
    upgrade = _add(verbs, "upgrade", "have one connect more safely from now on", _upgrade)
    _name(upgrade)
    upgrade.add_argument(
        "profile",
        metavar="PROFILE",
        type=int,
        choices=(1, 2, 3),
        help="1: password; 2: TLS and password; 3: TLS and certificate",
    )
    _name(_add(verbs, "renew-certificate", "have one ask for a new certificate", _renew))
    password = _add(verbs, "change-password", "give one another password", _change_password)
    _name(password)
    password.add_argument(
        "--show",
        action="store_true",
        help="print the new password; it is kept nowhere, and shown only this once",
    )


def _add(
    verbs: Verbs[argparse.ArgumentParser], name: str, text: str, run: Work
) -> argparse.ArgumentParser:
    return add_config(add_verb(verbs, name, text, run))


def _name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("identity", metavar="ID", help="its ChargeBox ID, as list shows it")


def _list(options: argparse.Namespace, write: Write) -> int:
    found = ask_manager(options, "charge-points")["charge_points"]
    if not found:
        write("there is no wallbox: none is configured, and none is connected")
        return 0
    rows = [
        (
            one["identity"],
            ", ".join(one["evses"].values()) or "none",
            _profile(one),
            "" if one["connection"] is None else one["connection"]["origin"],
            _state(one),
        )
        for one in found
    ]
    table(("ID", "EVSES", "PROFILE", "FROM", "STATE"), rows, write)
    return 0


def _show(options: argparse.Namespace, write: Write) -> int:
    (one,) = ask_manager(options, "charge-points", identity=options.identity)["charge_points"]
    evses = [f"{evse} (connector {number})" for number, evse in one["evses"].items()]
    device = one["device"] or {}
    connection = one["connection"]
    rows = (
        ("id", one["identity"]),
        ("EVSEs", ", ".join(evses) or "none: no [evse …] section has it as its address"),
        ("state", _state(one)),
        ("from", "" if connection is None else connection["origin"]),
        ("device", f"{device['vendor']} {device['model']}" if device else "not told yet"),
        ("serial number", device.get("serial_number") or "not told"),
        ("firmware", device.get("firmware_version") or "not told"),
        ("comes with", "" if connection is None else _PROFILES[connection["profile"]]),
        ("must have", _least(one)),
        ("certificate", f"may name {', '.join(one['certificate_names'])}"),
    )
    for name, text in rows:
        write(f"{name + ':':15}{text}".rstrip())
    return 0


def _events(options: argparse.Namespace, write: Write) -> int:
    said = ask_manager(
        options, "security-events", identity=options.identity, limit=options.limit
    )
    for one in said["events"]:
        about = f": {one['tech_info']}" if one["tech_info"] else ""
        write(f"{local_time(one['received_at'])}  {one['kind']}{about}")
    if not said["events"]:
        write(f"{options.identity} has told nothing about its security")
    return 0


def _allow(options: argparse.Namespace, write: Write) -> int:
    said = ask_manager(
        options, "allow-profile", identities=options.identities, profile=options.profile
    )
    for identity in said["allowed"]:
        write(f"{identity} may come with security profile {_PROFILES[options.profile]} again")
    for why in said["refused"].values():
        write(why)
    return 1 if said["refused"] else 0


def _upgrade(options: argparse.Namespace, write: Write) -> int:
    said = ask_manager(
        options, "raise-profile", identity=options.identity, profile=options.profile
    )
    return _told(
        options,
        write,
        said,
        "it will connect again with the new profile; until it has, the one before counts",
    )


def _renew(options: argparse.Namespace, write: Write) -> int:
    said = ask_manager(options, "renew-certificate", identity=options.identity)
    return _told(options, write, said, "it will ask for a certificate, and gets it signed")


def _change_password(options: argparse.Namespace, write: Write) -> int:
    said = ask_manager(
        options, "change-password", identity=options.identity, show=bool(options.show)
    )
    status = _told(
        options, write, said, "the one before counts until it has logged in with the new one"
    )
    if "key" in said:
        write(f"its new password, which is kept nowhere: {said['key']}")
    return status


def _told(options: argparse.Namespace, write: Write, said: Mapping[str, Any], then: str) -> int:
    """What a wallbox has answered."""
    status = said["status"]
    if status == "Accepted":
        write(f"{options.identity} has accepted: {then}")
        return 0
    if status == "RebootRequired":
        write(f"{options.identity} has accepted, for after its next restart; {then}")
        return 0
    write(f"{options.identity} says {status}: nothing was changed")
    return 1


def _profile(one: Mapping[str, Any]) -> str:
    """The profile that it comes with; else what it would have to have."""
    connection = one["connection"]
    highest = one["highest_profile"]
    if connection is None:
        return f"({highest})" if highest else ""
    now = connection["profile"]
    return str(now) if highest <= now else f"{now} (was {highest})"


def _least(one: Mapping[str, Any]) -> str:
    highest = one["highest_profile"]
    if highest == 3:
        return f"{_PROFILES[3]}: it has shown one; 'charge-point allow' lets it come with less"
    password = "a password" if one["asks_password"] else "no password"
    if highest == 2:
        return f"TLS and {password}: it has had TLS; 'charge-point allow' lets it come without"
    return password


def _state(one: Mapping[str, Any]) -> str:
    connection = one["connection"]
    if connection is None:
        return "not connected"
    waits = "" if connection["is_accepted"] else ", waits for approval"
    return f"connected since {local_time(connection['since'])}{waits}"
