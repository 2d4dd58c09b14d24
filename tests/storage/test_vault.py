"""The files in which gateways keep what is secret."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.trial.unittest import TestCase

from cfos_cm.charge_point.environment import VaultName
from cfos_cm.errors import StorageError
from cfos_cm.storage.vault import MAX_TEXT_BYTES, FileVault, Vaults, vault_folder

_KEY = "wss://backend.example:443/DE*1"

#: Puts texts for ever, and says which are on disk.
_WRITER = """
import sys
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred
from cfos_cm.charge_point.environment import VaultName
from cfos_cm.storage.vault import FileVault

async def write():
    vault = FileVault(reactor, sys.argv[1], sys.argv[2])
    number = 0
    while True:
        number += 1
        await vault.put(VaultName.PASSWORD, str(number) * 5000)
        await vault.put(VaultName.ROOTS, str(number) * 5000)
        print(number, flush=True)

reactor.callWhenRunning(lambda: ensureDeferred(write()))
reactor.run()
"""


def mode_of(path: Path) -> int:
    """Who may do what with it."""
    return path.stat().st_mode & 0o7777


class VaultTests(TestCase):
    """One vault on a real disk."""

    def setUp(self) -> None:
        """An empty folder."""
        self.place = Path(self.mktemp())
        self.place.mkdir()
        self.folder = vault_folder(str(self.place), _KEY)

    def vault(self) -> FileVault:
        """The vault, as after a start of the program."""
        return FileVault(reactor, str(self.place), _KEY)

    async def test_kept(self) -> None:
        """What was put is there after a restart; what was forgotten is not."""
        vault = self.vault()
        self.assertEqual({}, await vault.load())
        await vault.put(VaultName.PASSWORD, "secret ä")
        await vault.put(VaultName.ROOTS, "roots")
        await vault.put(VaultName.PASSWORD, "another")
        await vault.put(VaultName.ROOTS, None)
        await vault.put(VaultName.SERVER, None)
        self.assertEqual({VaultName.PASSWORD: "another"}, await self.vault().load())

    async def test_modes(self) -> None:
        """Nobody else can read it, whatever the process usually makes or was there before."""
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        self.folder.mkdir(parents=True, mode=0o777)
        (self.folder / "password.json").write_text("old")
        await self.vault().put(VaultName.PASSWORD, "secret")
        self.assertEqual(0o600, mode_of(self.folder / "password.json"))
        self.assertEqual(0o700, mode_of(self.folder))
        self.assertEqual(0o700, mode_of(self.folder.parent))

    async def test_order(self) -> None:
        """What is put last is what is there, however many are put at once."""
        vault = self.vault()
        await gatherResults([vault.put(VaultName.PASSWORD, str(n)) for n in range(50)])
        self.assertEqual({VaultName.PASSWORD: "49"}, await vault.load())

    async def test_apart(self) -> None:
        """Gateways have folders of their own, whose names say nothing and climb nowhere."""
        vaults = Vaults(reactor, str(self.place))
        keys = ("a", "../../b", "c/d", "x" * 5000, "\udcff")
        for key in keys:
            await vaults.of(key).put(VaultName.PASSWORD, f"of {key[:5]!r}")
        for key in keys:
            found = await Vaults(reactor, str(self.place)).of(key).load()
            self.assertEqual({VaultName.PASSWORD: f"of {key[:5]!r}"}, found)
        self.assertEqual(len(keys), len(list((self.place / "gateways").iterdir())))
        self.assertIs(vaults.of("a"), vaults.of("a"))

    async def test_halfWritten(self) -> None:
        """What a fall has left half written is gone, and the text before is there."""
        vault = self.vault()
        await vault.put(VaultName.PASSWORD, "whole")
        (self.folder / "password.json.4711.new").write_text("ha")
        self.assertEqual({VaultName.PASSWORD: "whole"}, await self.vault().load())
        self.assertEqual(["password.json"], os.listdir(self.folder))

    async def test_readOnly(self) -> None:
        """What cannot be tidied up is read all the same: a gateway has to start."""
        await self.vault().put(VaultName.PASSWORD, "abc")
        (self.folder / "password.json.1.new").write_text("half")

        def refuse(_path: object) -> None:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

        self.patch(os, "unlink", refuse)
        self.assertEqual({VaultName.PASSWORD: "abc"}, await self.vault().load())

    async def test_notWritten(self) -> None:
        """Where nothing can be written it fails, and the text before is there."""
        vault = self.vault()
        await vault.put(VaultName.PASSWORD, "before")
        # Root may write anywhere, but not over a folder.
        unfinished = self.folder / f"password.json.{os.getpid()}.new"
        unfinished.mkdir()
        with self.assertRaises(StorageError) as caught:
            await vault.put(VaultName.PASSWORD, "s3cret")
        self.assertNotIn("s3cret", str(caught.exception))
        unfinished.rmdir()
        self.assertEqual({VaultName.PASSWORD: "before"}, await vault.load())

    async def test_notRead(self) -> None:
        """What cannot be read is said, and is not taken for nothing."""
        self.folder.mkdir(parents=True)
        (self.folder / "roots.json").mkdir()
        with self.assertRaises(StorageError):
            await self.vault().load()

    async def test_link(self) -> None:
        """A link to somewhere else is not followed, neither to read nor to write."""
        outside = self.place / "outside"
        outside.write_text("outside")
        self.folder.mkdir(parents=True)
        (self.folder / "password.json").symlink_to(outside.resolve())
        unfinished = self.folder / f"password.json.{os.getpid()}.new"
        unfinished.symlink_to(outside.resolve())
        with self.assertRaises(StorageError):
            await self.vault().load()
        await self.vault().put(VaultName.PASSWORD, "secret")
        self.assertEqual("outside", outside.read_text())
        self.assertEqual({VaultName.PASSWORD: "secret"}, await self.vault().load())

    async def test_bound(self) -> None:
        """A text that is too long is neither written nor read."""
        vault = self.vault()
        await vault.put(VaultName.ROOTS, "x" * MAX_TEXT_BYTES)
        with self.assertRaises(StorageError):
            await vault.put(VaultName.ROOTS, "x" * (MAX_TEXT_BYTES + 1))
        (self.folder / "roots.json").write_text("x" * (MAX_TEXT_BYTES + 1))
        with self.assertRaises(StorageError):
            await vault.load()

    async def test_killed(self) -> None:
        """After a kill at any moment each text is a whole one, and not older than was said."""
        for _ in range(6):
            child = subprocess.Popen(
                [sys.executable, "-c", _WRITER, str(self.place), _KEY], stdout=subprocess.PIPE
            )
            assert child.stdout is not None
            said = 0
            for _ in range(3):
                said = int(child.stdout.readline())
            child.send_signal(signal.SIGKILL)
            rest = child.stdout.read().split()
            child.wait()
            child.stdout.close()
            said = max([said, *map(int, rest)])
            found = await self.vault().load()
            for name in (VaultName.PASSWORD, VaultName.ROOTS):
                number = next(
                    one for one in range(said, said + 2) if found[name] == str(one) * 5000
                )
                self.assertGreaterEqual(number, said)
            for path in self.folder.iterdir():
                self.assertEqual(0o600, mode_of(path))
