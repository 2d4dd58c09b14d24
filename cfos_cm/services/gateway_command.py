"""C{cfos-cm gateway}: gateways and what they owe to their backends, from the console."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from cfos_cm.services.console_database import Write
from cfos_cm.services.console_verbs import Verbs, Work, add_config, add_verb, ask_manager
from cfos_cm.services.console_words import local_time, table
from cfos_cm.services.gateway_security_words import security_rows
from cfos_cm.services.gateway_words import MAX_LETTERS

__all__ = ["add_gateway_commands"]

#: How many dead letters are shown, unless more are asked for.
_USUAL_LETTERS = 20


def add_gateway_commands(
    commands: Verbs[argparse.ArgumentParser],
) -> None:
    """Add C{gateway} with its own commands to the command line."""
    gateway = commands.add_parser(
        "gateway",
        help="billing backends: who is connected, what waits, what they do not take",
        description="The gateways of the manager that runs, and what they owe to their "
        "backends. The exit status is 1 when something was not done.",
    )
    verbs = gateway.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add(verbs, "list", "show every gateway in a line", _list)
    _name(_add(verbs, "show", "show all that is known of one", _show))
    trust = _add(
        verbs, "trust", "believe the next key that its backend shows, and call it now", _trust
    )
    _name(trust)
    letters = _add(
        verbs, "dead-letters", "show the messages that its backend does not take", _letters
    )
    _name(letters)
    letters.add_argument(
        "--limit",
        type=int,
        default=_USUAL_LETTERS,
        help=f"how many: 1 to {MAX_LETTERS}; {_USUAL_LETTERS} without it",
    )
    letters.add_argument("--offset", type=int, default=0, help="how many older ones to skip")
    resend = _add(verbs, "resend", "have dead letters sent once more", _resend)
    _name(resend)
    resend.add_argument("keys", metavar="KEY", nargs="*", help="as dead-letters shows them")
    resend.add_argument("--all", action="store_true", help="every one of the gateway")
    resend.set_defaults(parser=resend)
    _add(verbs, "orphans", "show queues whose gateway is no longer in the settings", _orphans)
    move = _add(verbs, "move", "have another gateway deliver such a queue", _move)
    move.add_argument("key", metavar="FROM", help="the queue, as orphans shows it")
    move.add_argument("name", metavar="TO", help="the gateway")
    drop = _add(verbs, "drop", "forget such a queue: its backend never learns of it", _drop)
    drop.add_argument("key", metavar="KEY", help="the queue, as orphans shows it")
    drop.add_argument("--yes", action="store_true", help="without it nothing is forgotten")


def _add(
    verbs: Verbs[argparse.ArgumentParser], name: str, text: str, run: Work
) -> argparse.ArgumentParser:
    return add_config(add_verb(verbs, name, text, run))


def _name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the gateway, as list shows it")


def _list(options: argparse.Namespace, write: Write) -> int:
    found = ask_manager(options, "gateways")["gateways"]
    if not found:
        write("there is no gateway: no [gateway NAME] section in the settings")
    else:
        rows = [
            (
                one["name"],
                one["client_id"],
                one["role"],
                str(one["waiting"]),
                str(one["dead"]),
                f"{one['state']}, since {local_time(one['since'])}",
            )
            for one in found
        ]
        table(("NAME", "CLIENT ID", "ROLE", "WAITING", "DEAD", "STATE"), rows, write)
    return 0


def _show(options: argparse.Namespace, write: Write) -> int:
    (one,) = ask_manager(options, "gateways", name=options.name)["gateways"]
    evses = [f"{evse} (connector {number})" for number, evse in one["connectors"].items()]
    rows = (
        ("name", one["name"]),
        ("backend", one["url"]),
        ("client id", one["client_id"]),
        ("role", f"{one['role']}, in an outage {one['outage']}"),
        ("EVSEs", ", ".join(evses)),
        ("state", f"{one['state']}, since {local_time(one['since'])}"),
        ("registration", one["registration"] or "not answered yet"),
        ("last refusal", one["last_refusal"] or "none"),
        ("waiting", _waiting(one)),
        ("dead letters", str(one["dead"])),
        ("queue", one["key"]),
        *security_rows(one["security"]),
    )
    for name, text in rows:
        write(f"{f'{name}:' if name else '':14}{text}")
    return 0


def _trust(options: argparse.Namespace, write: Write) -> int:
    ask_manager(options, "trust-backend", name=options.name)
    write(f"{options.name}: the next key that its backend shows is believed; it is called now")
    return 0


def _letters(options: argparse.Namespace, write: Write) -> int:
    found = ask_manager(
        options,
        "dead-letters",
        name=options.name,
        limit=options.limit,
        offset=options.offset,
    )["dead_letters"]
    for one in found:
        about = f"connector {one['connector']}"
        if one["transaction_id"] is not None:
            about += f", transaction {one['transaction_id']}"
        write(f"{one['key']}  {one['action']}, {about}")
        queued, buried = local_time(one["queued_at"]), local_time(one["buried_at"])
        write(f"    queued {queued}, given up {buried}")
        write(f"    after {one['attempts']} attempts: {one['why']}")
        write(f"    {one['payload']}")
    if not found:
        write("no dead letter" if not options.offset else "no more dead letters")
    elif len(found) == options.limit:
        write(f"there may be more: --offset {options.offset + len(found)}")
    return 0


def _resend(options: argparse.Namespace, write: Write) -> int:
    if bool(options.keys) is options.all:
        options.parser.error("which dead letters? Either KEY… or --all")
    count = ask_manager(
        options, "resend", name=options.name, keys=options.keys, all=options.all
    )["count"]
    if not count:
        write("no such dead letter: nothing is sent again")
        return 1
    write(f"{_messages(count)}: will be sent again, before what was queued later")
    return 0


def _orphans(options: argparse.Namespace, write: Write) -> int:
    found = ask_manager(options, "orphans")["orphans"]
    if not found:
        write("every queue has its gateway")
        return 0
    rows = [(one["key"], _waiting(one), str(one["dead"])) for one in found]
    table(("KEY", "WAITING", "DEAD"), rows, write)
    return 0


def _move(options: argparse.Namespace, write: Write) -> int:
    count = ask_manager(options, "move-queue", key=options.key, name=options.name)["count"]
    if not count:
        write(f"nothing is queued under {options.key}")
        return 1
    write(f"{_messages(count)}: {options.name} will deliver them")
    return 0


def _drop(options: argparse.Namespace, write: Write) -> int:
    if not options.yes:
        write(
            f"nothing was done: with --yes all that is queued under {options.key} is "
            "forgotten, and no backend ever learns of it; 'gateway orphans' shows how much"
        )
        return 1
    count = ask_manager(options, "drop-queue", key=options.key)["count"]
    if not count:
        write(f"nothing is queued under {options.key}")
        return 1
    write(f"{_messages(count)}: forgotten")
    return 0


def _waiting(one: Mapping[str, Any]) -> str:
    if not one["waiting"]:
        return "nothing"
    size = f"{one['size_bytes'] / 1000:.1f} kB"
    oldest = (
        "" if one["oldest_at"] is None else f", the oldest since {local_time(one['oldest_at'])}"
    )
    return f"{_messages(one['waiting'])}, {size}{oldest}"


def _messages(count: int) -> str:
    return f"{count} message" if count == 1 else f"{count} messages"
