"""
Start the manager in the foreground with C{tap.cfg}, as C{make run} does.

C{twistd} ends itself by the signal that stopped it, and C{make} calls that an error. So this
small process stands between the two: it lets every signal through exactly as it came, and
says that all is well after a Ctrl-C that the manager has answered by stopping.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def start(arguments: Sequence[str]) -> int:
    """
    Start C{twistd}, beside this Python, without this process's blocked signals.

    A shell script that starts C{make run &} makes it deaf to an interrupt; that is undone,
    for it is the way to stop the manager.

    @param arguments: what to add to its command line.
    @return: its process id.
    """
    twistd = str(Path(sys.executable).parent / "twistd")
    command = [twistd, "-n", "--pidfile=", "cfos-cm", "--config", "tap.cfg", *arguments]
    return os.posix_spawn(
        twistd, command, os.environ, setsigmask=(), setsigdef=(signal.SIGINT,)
    )


def wait_for(pid: int) -> int:
    """
    Pass signals on until the process has ended.

    A Ctrl-C comes from the kernel and has reached the process already, because both are in
    the terminal's foreground group; what somebody sent to us alone has not.

    @return: its wait status.
    """
    while True:
        received = signal.sigwaitinfo((*PASSED_ON, signal.SIGCHLD))
        if received.si_signo == signal.SIGCHLD:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                return status
        elif received.si_code <= 0:
            os.kill(pid, received.si_signo)


def main() -> int:
    """
    Run the manager to its end.

    @return: the exit code: 0 after a Ctrl-C, else the manager's own, or 128 and the number of
        the signal that ended it.
    """
    os.chdir(ROOT)
    signal.pthread_sigmask(signal.SIG_BLOCK, (*PASSED_ON, signal.SIGCHLD))
    code = os.waitstatus_to_exitcode(wait_for(start(sys.argv[1:])))
    if code == -signal.SIGINT:
        return 0
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
