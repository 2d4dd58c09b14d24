"""The commands of C{certs/README.md}, carried out as they stand there."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

__all__ = ["PASSPHRASE", "commands", "made"]

CERTS = Path(__file__).resolve().parents[2] / "certs"

#: Of the key of the authority.
PASSPHRASE = "Größe 13"


def commands() -> list[str]:
    """All of them, in their order."""
    lines = (CERTS / "README.md").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("openssl ")]


def made(folder: Path, server: str, client: str) -> Path:
    """
    A folder with all that the commands make.

    @param folder: where it is put.
    @param server: the name that the server's recipe says; C{client} is that of the wallbox.
    """
    for recipe in CERTS.glob("*.cnf"):
        shutil.copy(recipe, folder)
    _rename(folder / "server.cnf", server)
    _rename(folder / "client.cnf", client)
    for command in commands():
        _run(command, folder)
    return folder


def _rename(recipe: Path, name: str) -> None:
    lines = recipe.read_text(encoding="utf-8").splitlines(keepends=True)
    renamed = [f"CN = {name}\n" if line.startswith("CN = ") else line for line in lines]
    recipe.write_text("".join(renamed), encoding="utf-8")


def _run(command: str, folder: Path) -> None:
    done = subprocess.run(
        shlex.split(command),
        cwd=folder,
        # Without a terminal the passphrase is read here; a new one is asked for twice.
        input=f"{PASSPHRASE}\n{PASSPHRASE}\n",
        start_new_session=True,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"{command}: {done.stderr}")
