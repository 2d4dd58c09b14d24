"""An environment for a peer that cannot live with what the others need."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from bench.contenders import Unavailable


def python_with(requirements: Path) -> Path:
    """
    The interpreter of an environment with all of C{requirements}; made when it is not there.

    @raise Unavailable: when they cannot be installed on this machine.
    """
    content = hashlib.sha256(requirements.read_bytes() + sys.version.encode())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "cfos_cm" / f"bench-{content.hexdigest()[:12]}"
    python = folder / "bin" / "python"
    complete = folder / "complete"
    if complete.exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    pip: list[str | Path] = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--require-hashes",
        "-r",
        requirements,
    ]
    venv: list[str | Path] = [sys.executable, "-m", "venv", folder]
    for command in (venv, pip):
        if subprocess.run(command, check=False, stdout=sys.stderr).returncode != 0:
            raise Unavailable(f"{requirements.parent.name} could not be installed")
    complete.touch()
    return python
