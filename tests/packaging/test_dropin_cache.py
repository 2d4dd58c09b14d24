"""
Twisted's plugin cache, C{dropin.cache}, in every state that an upgrade or an image can leave.

The cache is a pickle in the folder of the plugins. Twisted looks again at a plugin whose file
is not older than the cache, or which is not in it.
"""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import sysconfig

from twisted.plugin import CachedDropin
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.packaging.environments import (
    ROOT,
    lists_the_service,
    run,
    scratch_folder,
)

#: Twistd without C{site}: no C{.pth} file can put the project's own folder on the path.
TWISTD = (sys.executable, "-S", "-c", "from twisted.scripts.twistd import run; run()")

#: Takes from root what lets it write where nobody may.
UNPRIVILEGED = ("setpriv", "--bounding-set", "-dac_override", "--inh-caps", "-dac_override")


def entry(name: str) -> dict[str, CachedDropin]:
    """
    What Twisted caches for a plugin file in which it found nothing.

    @param name: the file's name without C{.py}.
    @return: a cache of this entry alone.
    """
    return {name: CachedDropin(f"twisted.plugins.{name}", "An earlier version.")}


class DropinCacheTests(SynchronousTestCase):
    """C{twistd --help} beside a cache that does not fit."""

    def setUp(self) -> None:
        """Install the package into a folder of its own, without a cache."""
        self.folder = scratch_folder()
        ignore = shutil.ignore_patterns("__pycache__", "dropin.cache")
        for name in ("cfos_cm", "twisted"):
            shutil.copytree(ROOT / name, self.folder / name, ignore=ignore)
        self.plugins = self.folder / "twisted" / "plugins"
        self.cache = self.plugins / "dropin.cache"

    def listed(self, *prefix: str) -> bool:
        """
        Start C{twistd}.

        @param prefix: what to start it with.
        @return: whether it lists the service.
        """
        installed = sysconfig.get_paths()
        path = os.pathsep.join([str(self.folder), installed["purelib"], installed["platlib"]])
        printed = run(*prefix, *TWISTD, "--help", cwd=self.folder, PYTHONPATH=path)
        return lists_the_service(printed)

    def written(self, content: bytes, newer_by_s: int) -> None:
        """
        Lay a cache beside the plugin.

        @param content: what is in it.
        @param newer_by_s: how much newer than the plugin's file it is [s].
        """
        self.cache.write_bytes(content)
        plugin_s = (self.plugins / "cfos_cm_plugin.py").stat().st_mtime
        os.utime(self.cache, (plugin_s + newer_by_s, plugin_s + newer_by_s))

    def test_no_cache(self) -> None:
        """Without a cache the service is listed, and the cache is written."""
        self.assertTrue(self.listed())
        self.assertIn(b"cfos_cm_plugin", self.cache.read_bytes())

    def test_second_start(self) -> None:
        """The service is listed from the cache, too."""
        self.listed()
        self.assertTrue(self.listed())

    def test_garbage(self) -> None:
        """A cache that is no pickle is replaced."""
        self.written(b"\x00 this is not a cache", newer_by_s=3600)
        self.assertTrue(self.listed())
        self.assertIn(b"cfos_cm_plugin", self.cache.read_bytes())

    def test_cut_off(self) -> None:
        """A cache of which only the beginning was written is replaced."""
        self.written(pickle.dumps(entry("cfos_cm_plugin"))[:20], newer_by_s=3600)
        self.assertTrue(self.listed())

    def test_empty(self) -> None:
        """An empty file is replaced."""
        self.written(b"", newer_by_s=3600)
        self.assertTrue(self.listed())

    def test_unknown_class(self) -> None:
        """A cache by another version of Twisted, with a class that is gone, is replaced."""
        content = pickle.dumps(entry("cfos_cm_plugin"), 0).replace(
            b"CachedDropin", b"CachedGone"
        )
        self.written(content, newer_by_s=3600)
        self.assertTrue(self.listed())

    def test_newer_without_us(self) -> None:
        """A cache from before the install is completed, even when it is newer than our file."""
        self.written(pickle.dumps(entry("another_plugin")), newer_by_s=3600)
        self.assertTrue(self.listed())

    def test_older_with_an_earlier_version_of_us(self) -> None:
        """What an earlier version of the plugin offered is forgotten when the file is newer."""
        self.written(pickle.dumps(entry("cfos_cm_plugin")), newer_by_s=-3600)
        self.assertTrue(self.listed())

    def test_cannot_be_replaced(self) -> None:
        """A folder in the cache's place can neither be read nor replaced, and does no harm."""
        (self.cache / "full").mkdir(parents=True)
        self.assertTrue(self.listed())
        self.assertTrue(self.cache.is_dir())

    def test_read_only_folder(self) -> None:
        """Where the cache cannot be written, the service is listed all the same."""
        self.plugins.chmod(0o555)
        self.addCleanup(self.plugins.chmod, 0o755)
        prefix = UNPRIVILEGED if os.getuid() == 0 else ()
        probe = (*prefix, "sh", "-c", f"test -r {sys.executable} && ! touch {self.cache}")
        if subprocess.run(probe, capture_output=True, check=False).returncode:
            raise SkipTest("this user may write to every folder, and cannot give that up")
        self.assertTrue(self.listed(*prefix))
        self.assertFalse(self.cache.exists())
