"""The servers that are measured, how they are started, and how one is spoken to."""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from bench import accounting

_ROOT = Path(__file__).parent.parent
_NODE = Path(__file__).parent / "peers" / "node"

_PR_SET_PDEATHSIG = 1

#: How long a server may tidy up before and after its turn. [s]
_BREATH_S = 0.5

#: The beginning of a command; the arguments that all servers take come after it.
_Command = Callable[[], list[str]]


class Unavailable(Exception):
    """A contender is not on this machine; the text says what is missing."""


@dataclass(frozen=True)
class Contender:
    """
    One of the servers.

    @ivar name: for tables.
    @ivar command: says what is started, or raises L{Unavailable}.
    """

    name: str
    command: _Command


def python_peer(module: str, *arguments: str, needs: tuple[str, ...] = ()) -> _Command:
    """What starts a module of L{bench.peers}, if the packages that it needs are there."""

    def command() -> list[str]:
        missing = [name for name in needs if importlib.util.find_spec(name) is None]
        if missing:
            raise Unavailable(
                f"{' and '.join(missing)} not installed: pip install -e '.[bench]'"
            )
        return [sys.executable, "-m", f"bench.peers.{module}", *arguments]

    return command


def _node() -> list[str]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise Unavailable("node and npm are not installed")
    folder = _installed(npm)
    return [node, "--expose-gc", str(folder / "server.js")]


def _installed(npm: str) -> Path:
    """The folder in which the peer and its packages are; made when it is not there."""
    names = ("package.json", "package-lock.json", "server.js")
    content = hashlib.sha256(b"".join((_NODE / name).read_bytes() for name in names))
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "cfos_cm" / f"bench-{content.hexdigest()[:12]}"
    if (folder / "node_modules").exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        for name in names:
            shutil.copy(_NODE / name, scratch)
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        done = subprocess.run([npm, "ci", *options], cwd=scratch, check=False)
        if done.returncode != 0:
            raise Unavailable("npm could not install the packages of the peer")
        shutil.copytree(scratch, folder, dirs_exist_ok=True, symlinks=True)
    return folder


FULL = Contender("cfos_cm", python_peer("cfos_cm_site"))
NO_STORAGE = Contender(
    "cfos_cm, storage off", python_peer("cfos_cm_site", "--without", "storage")
)
NO_SPEED = Contender(
    "cfos_cm, stock Autobahn", python_peer("cfos_cm_site", "--without", "speed")
)
BOUNDED = Contender(
    "cfos_cm, usual bounds", python_peer("cfos_cm_site", "--without", "allowances")
)
TRANSPORT = Contender("cfos_cm, sockets alone", python_peer("cfos_cm_sockets"))
MOBILITYHOUSE = Contender(
    "mobilityhouse ocpp + websockets",
    python_peer("mobilityhouse", needs=("ocpp", "websockets")),
)
OCPP_RPC = Contender("Node ocpp-rpc, strict", _node)
PICOWS = Contender(
    "picows + uvloop + msgspec echo", python_peer("picows_echo", needs=("picows", "uvloop"))
)

#: Those that are compared where nobody asks for others.
ALL = (FULL, NO_STORAGE, NO_SPEED, TRANSPORT, MOBILITYHOUSE, OCPP_RPC, PICOWS)


#: What the load has printed for each contender, round after round.
Results = dict[Contender, list[dict[str, Any]]]


class Running:
    """
    A contender that runs, on a core of its own.

    @ivar contender: which one.
    @ivar port: where it listens.
    @ivar pid: its process.
    @ivar folder: where it may write.
    """

    def __init__(self, contender: Contender, chargers: int) -> None:
        """
        Start it, and wait until it listens.

        @raise Unavailable: when it cannot be started on this machine.
        """
        self.contender = contender
        command = contender.command()
        self.port = _free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="cfos-cm-bench-")
        self.folder = Path(self._folder.name)
        arguments = ["--port", self.port, "--chargers", chargers, "--folder", self._folder.name]
        self._process = subprocess.Popen(
            [*command, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=_ROOT,
            preexec_fn=_become_a_server,
        )
        self.pid = self._process.pid
        try:
            self._expect("ready")
        except Unavailable:
            self.stop()
            raise

    def tell(self, word: str) -> str:
        """Send one line to it, and return its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        return self._line()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """
        Its turn: at all other times it stands still, so that it disturbs nobody.

        What a load leaves behind is done when the turn is over.
        """
        self._process.send_signal(signal.SIGCONT)
        time.sleep(_BREATH_S)
        try:
            yield
        finally:
            self.pause()

    def pause(self) -> None:
        """Have it stand still, after it has finished what it is at."""
        time.sleep(_BREATH_S)
        self._process.send_signal(signal.SIGSTOP)

    def collect_garbage(self) -> None:
        """Have it forget what it has no use for."""
        self.tell("gc")

    def rss_kib(self) -> int:
        """What it has resident. [KiB]"""
        return accounting.rss_kib(self.pid)

    def stop(self) -> None:
        """End it, and remove what it has written."""
        assert self._process.stdin is not None
        self._process.send_signal(signal.SIGCONT)
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: object, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def _expect(self, word: str) -> None:
        said = self._line()
        if said != word:
            raise Unavailable(f"it did not start; it said {said!r}")


def load(
    running: Running, mode: str, module: str = "bench.load", **options: Any
) -> dict[str, Any]:
    """
    Let the load loose on a contender, and return the line that it prints.

    @raise subprocess.CalledProcessError: when it fails; it has said why on standard error.
    """
    done = subprocess.run(
        load_command(running, mode, module, **options),
        stdout=subprocess.PIPE,
        check=True,
        cwd=_ROOT,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def load_command(
    running: Running, mode: str, module: str = "bench.load", **options: Any
) -> list[str]:
    """The command that puts a load on a contender; an option that is C{True} has no value."""
    server, own = running, accounting.cores()[1]
    named = {"port": server.port, "pid": server.pid, "core": own, **options}
    words = [sys.executable, "-m", module, mode]
    for name, value in named.items():
        words += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    return words


def _become_a_server() -> None:
    # One that stands still would outlive whoever has started it, and never notice.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.sched_setaffinity(0, {accounting.cores()[0]})
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
