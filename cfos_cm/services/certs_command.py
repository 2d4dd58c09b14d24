"""C{cfos-cm certs}: certificates made, shown and checked, from the console."""

from __future__ import annotations

import argparse

from cfos_cm.certificates.issuing import MAX_DAYS
from cfos_cm.services.certs_making import (
    AUTHORITY_DAYS,
    DAYS,
    init_authority,
    issue_for_client,
    issue_for_server,
    sign_for,
)
from cfos_cm.services.certs_showing import check_certificates, show_certificates
from cfos_cm.services.console_verbs import Verbs, add_config, add_verb

__all__ = ["add_certs_commands"]


def add_certs_commands(commands: Verbs[argparse.ArgumentParser]) -> None:
    """Add C{certs} with its own commands to the command line."""
    certs = commands.add_parser(
        "certs",
        help="make, show and check certificates for encrypted connections",
        description="Certificates for encrypted connections: an authority of your own, those "
        "that it signs, and what is wrong with any. The exit status is 1 when something was "
        "not done, or is wrong.",
    )
    verbs = certs.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_making(verbs)
    _add_showing(verbs)


def _add_making(verbs: Verbs[argparse.ArgumentParser]) -> None:
    making = add_verb(
        verbs, "init-ca", "make an authority that signs certificates", init_authority
    )
    _add_files(making, "ca")
    _add_subject(making, "'Charging site CA' and the name of this computer")
    _add_key(making, AUTHORITY_DAYS)
    lock = making.add_mutually_exclusive_group()
    lock.add_argument("--passphrase-file", metavar="FILE", help="its first line locks the key")
    lock.add_argument("--no-passphrase", action="store_true", help="do not lock the key")

    server = add_verb(verbs, "issue-server", "make a server's certificate", issue_for_server)
    _add_files(server, "server")
    _add_subject(server, "the first --host")
    _add_hosts(server, "name or address of the server; without it all those of this computer")
    _add_key(server, DAYS)
    _add_authority(server)

    client = add_verb(
        verbs, "issue-client", "make a certificate for a wallbox or a gateway", issue_for_client
    )
    _add_files(client, None)
    _add_subject(client, None)
    _add_hosts(client, "another name that is to stand in it; usually none")
    _add_key(client, DAYS)
    _add_authority(client)

    signing = add_verb(
        verbs, "sign", "sign a request that was made elsewhere, such as in a wallbox", sign_for
    )
    signing.add_argument("request", metavar="REQUEST", help="a file with the request (CSR)")
    signing.add_argument(
        "--for",
        dest="purpose",
        choices=("client", "server"),
        default="client",
        help="client: for a wallbox or a gateway, as without it; server: with its host names",
    )
    _add_files(signing, None)
    _add_days(signing, DAYS)
    _add_authority(signing)


def _add_showing(verbs: Verbs[argparse.ArgumentParser]) -> None:
    showing = add_verb(verbs, "show", "show what is in certificates", show_certificates)
    showing.add_argument(
        "files", metavar="FILE", nargs="*", help="without it all that tap.cfg names"
    )
    add_config(showing)
    checking = add_verb(verbs, "check", "look for what is wrong with them", check_certificates)
    checking.add_argument(
        "certificate", metavar="FILE", nargs="?", help="without it all that tap.cfg names"
    )
    checking.add_argument("key", metavar="KEY", nargs="?", help="its private key")
    checking.add_argument(
        "--ca", metavar="FILE", action="append", help="it has to be signed by one in there"
    )
    checking.add_argument(
        "--for",
        dest="purpose",
        choices=("client", "server"),
        default="server",
        help="with --ca: what it is used for; server without it",
    )
    add_config(checking)


def _add_files(parser: argparse.ArgumentParser, name: str | None) -> None:
    parser.add_argument(
        "--dir", metavar="FOLDER", default="certs", help="where files are; 'certs' without it"
    )
    usual = "the common name" if name is None else f"'{name}'"
    parser.add_argument(
        "--name",
        type=_file_name,
        default=name,
        help=f"of the files, to which .pem and .key are added; without it {usual}",
    )
    parser.add_argument("--force", action="store_true", help="write over files that are there")


def _add_subject(parser: argparse.ArgumentParser, usual: str | None) -> None:
    if usual is None:
        parser.add_argument(
            "--common-name",
            metavar="TEXT",
            required=True,
            help="the ChargeBox ID of the wallbox, or what the backend wants",
        )
    else:
        parser.add_argument("--common-name", metavar="TEXT", help=f"without it {usual}")
    parser.add_argument("--organisation", metavar="TEXT")
    parser.add_argument("--unit", metavar="TEXT", help="of the organisation")
    parser.add_argument("--locality", metavar="TEXT", help="the town")
    parser.add_argument("--country", metavar="CODE", help="two letters, such as DE")
    parser.add_argument("--email", metavar="ADDRESS")


def _add_hosts(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument(
        "--host", metavar="NAME", action="append", help=f"{text}; can be given several times"
    )


def _add_key(parser: argparse.ArgumentParser, days: int) -> None:
    parser.add_argument(
        "--key",
        choices=("rsa", "ec"),
        default="rsa",
        help="rsa: every wallbox knows it, as without it; ec: smaller and faster (P-256)",
    )
    _add_days(parser, days)


def _add_days(parser: argparse.ArgumentParser, days: int) -> None:
    parser.add_argument(
        "--days",
        type=int,
        default=days,
        help=f"how long it is valid, 1 to {MAX_DAYS}; {days} without it",
    )


def _add_authority(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ca", metavar="FILE", help="the authority's certificate; FOLDER/ca.pem without it"
    )
    parser.add_argument(
        "--ca-key", metavar="FILE", help="its private key; without it the file .key beside it"
    )
    parser.add_argument(
        "--passphrase-file", metavar="FILE", help="its first line unlocks that key"
    )


def _file_name(text: str) -> str:
    if not text or "/" in text or "\0" in text or text.startswith("."):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not the name of a file; the folder is said with --dir"
        )
    return text
