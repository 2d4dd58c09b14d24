"""Every reactor serves a whole charge, and so does somebody else's program."""

from __future__ import annotations

import socket

from . import cases
from .program import WAIT_S, Program
from .station import connected
from .test_charge import whole_charge

#: What somebody writes who has a program of his own; see C{docs/integrate.md}.
TAC = """
from twisted.application import service

from cfos_cm.services.config import read_config
from cfos_cm.tap import site_service


def assemble():
    from twisted.internet import reactor

    return site_service(read_config("tap.cfg"), reactor)


application = service.Application("garage")
assemble().setServiceParent(application)
"""

#: The same beside a service of his own.
TAC_WITH_ECHO = (
    TAC
    + """
from twisted.application.internet import StreamServerEndpointService
from twisted.internet.endpoints import serverFromString
from twisted.protocols.wire import Echo
from twisted.internet.protocol import Factory


def echo(port):
    from twisted.internet import reactor

    endpoint = serverFromString(reactor, f"tcp:{port}:interface=127.0.0.1")
    return StreamServerEndpointService(endpoint, Factory.forProtocol(Echo))


others = service.MultiService()
echo(ECHO_PORT).setServiceParent(others)
others.setServiceParent(application)
"""
)


class ReactorCase(cases.EndToEndCase):
    """Somewhere to charge."""

    def serves_a_charge(self, program: Program) -> None:
        """Charge a car, then stop the program."""

        async def charge() -> None:
            async with connected(program, "CP-0001") as station:
                await whole_charge(program, station)

        program.start()
        self.run_peers(charge())
        program.wait_for(r"bay-1: finished: 7\.3\d kWh")


class Reactors(ReactorCase):
    """The reactors that C{twistd} can be told to use."""

    def serves_with(self, name: str) -> None:
        """Serve with this one."""
        command = ("-r", name, "cfos-cm", "--config", "tap.cfg")
        program = self.program(command=command)
        self.serves_a_charge(program)
        program.wait_for(rf"reactor class: \S*(?i:{name})")
        program.stop()

    def test_epoll(self) -> None:
        """The one that Linux has."""
        self.serves_with("epoll")

    def test_poll(self) -> None:
        """The one that every Unix has."""
        self.serves_with("poll")

    def test_select(self) -> None:
        """The one that every system has."""
        self.serves_with("select")

    def test_asyncio(self) -> None:
        """The one that lives in an asyncio loop."""
        self.serves_with("asyncio")


class Applications(ReactorCase):
    """A C{.tac} file in place of the command."""

    def application(self, text: str) -> Program:
        """The program that a C{.tac} file describes."""
        program = self.program(command=("-y", "site.tac"))
        (program.folder / "site.tac").write_text(text, encoding="utf-8")
        return program

    def test_tac(self) -> None:
        """A C{.tac} file serves a charge."""
        program = self.application(TAC)
        self.serves_a_charge(program)
        program.stop()

    def test_beside(self) -> None:
        """So does one with another service in it, which works too."""
        port = cases.free_port()
        program = self.application(TAC_WITH_ECHO.replace("ECHO_PORT", str(port)))
        self.serves_a_charge(program)
        with socket.create_connection(("127.0.0.1", port), WAIT_S) as other:
            other.sendall(b"still here")
            self.assertEqual(other.recv(100), b"still here")
        program.stop()
