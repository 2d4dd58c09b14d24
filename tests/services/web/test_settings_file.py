"""Tests of L{cfos_cm.services.web.settings_file}: what happens to the file."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail, gatherResults, succeed
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from cfos_cm.errors import CfosError, ConfigError, StorageError
from cfos_cm.services.config import backups as backups_module
from cfos_cm.services.config import read_config, replacing
from cfos_cm.services.config.backups import MOST
from cfos_cm.services.config.editing import (
    AddSection,
    Change,
    RemoveSection,
    RenameSection,
    SetOptions,
)
from cfos_cm.services.web import settings_file as module
from cfos_cm.services.web.settings_file import Changed, SettingsFile
from cfos_cm.storage import private_files
from cfos_cm.web.problem import Problem
from tests.services.certificate_case import done
from tests.services.web.settings_case import (
    NOW,
    TEXT,
    FailingOs,
    SettingsCase,
    SiteOfFile,
    values_in,
)

MAX_10 = SetOptions("evse bay-1", {"max_current": "10"})
WANTED = TEXT.replace(";max_current = 16\n", ";max_current = 16\nmax_current = 10\n")
_MODULES = (replacing, private_files, backups_module)


class Changing(SettingsCase):
    """One change after the other."""

    def change(self, *changes: Change, if_match: str | None = None) -> Changed:
        """Make changes."""
        changed: Changed = done(self.settings.change(changes, if_match, by="anna"))
        return changed

    def refused(self, *changes: Change, if_match: str | None = None) -> CfosError:
        """Why changes are not made; nothing has changed, and nothing is left."""
        before, files = self.path.read_bytes(), sorted(self.folder.rglob("*"))
        reloads = self.site.reloads
        work = Deferred.fromCoroutine(self.settings.change(changes, if_match))
        error = self.failureResultOf(work, CfosError).value
        self.assertEqual(before, self.path.read_bytes())
        self.assertEqual(files, sorted(self.folder.rglob("*")))
        self.assertEqual(reloads, self.site.reloads)
        assert isinstance(error, CfosError)
        return error

    def test_changed(self) -> None:
        """The file has the change, the site runs with it, and it is said what it was."""
        answer = self.change(MAX_10)
        self.assertEqual(WANTED, self.path.read_text())
        self.assertEqual(1, self.site.reloads)
        self.assertEqual(10_000, self.site.config.evses[0].max_current_ma)
        self.assertEqual(("[evse bay-1] max_current",), answer.changed)
        self.assertEqual((), answer.needs_restart)
        self.assertEqual("[evse bay-1] max_current: default -> 10", answer.note)
        self.assertEqual(answer.etag, done(self.settings.read()).etag)
        self.assertEqual(0o640, stat.S_IMODE(self.path.stat().st_mode))
        self.assertEqual([], self.left_over())

    def test_restart(self) -> None:
        """What takes effect at the next start only is said, and so is that the page goes."""
        answer = self.change(
            SetOptions("web", {"listen": "tcp:4713"}), SetOptions("manager", {"database": None})
        )
        expected = "takes effect after a restart"
        self.assertEqual(
            {f"[manager] database: {expected}", f"[web] listen: {expected}"},
            set(answer.needs_restart),
        )
        answer = self.change(RemoveSection("web"))
        self.assertIn("there is no page after a restart", " ".join(answer.needs_restart))

    def test_checked(self) -> None:
        """A check says the same, and writes nothing."""
        files = sorted(self.folder.rglob("*"))
        checked = done(self.settings.check([MAX_10]))
        self.assertEqual(TEXT, self.path.read_text())
        self.assertEqual((0, files), (self.site.reloads, sorted(self.folder.rglob("*"))))
        self.assertEqual(checked, self.change(MAX_10))

    def test_mistakes(self) -> None:
        """With any mistake nothing is written, and all of them are said."""
        error = self.refused(
            SetOptions("evse bay-1", {"max_current": "5", "min_curent": "6"}),
            SetOptions("circuit garage", {"meter": "none"}),
        )
        assert isinstance(error, ConfigError)
        found = [(one.section, one.option) for one in error.mistakes]
        self.assertEqual(
            [
                ("circuit garage", "meter"),
                ("evse bay-1", "max_current"),
                ("evse bay-1", "min_curent"),
            ],
            found,
        )
        self.assertIn("did you mean 'min_current'?", str(error))

    def test_mistakes_are_discreet(self) -> None:
        """A secret that cannot be used is not repeated."""
        for wanted in (
            SetOptions("evse bay-1", {"password": "mysecret" * 10}),
            SetOptions("gateway bay-1", {"url": "http://me:mysecret@host/"}),
            SetOptions("evse bay-1", {"password": "mysecret\n"}),
            SetOptions("evse bay-1", {"pasword": "mysecret"}),
        ):
            self.assertNotIn("mysecret", str(self.refused(wanted)))

    def test_state(self) -> None:
        """Who has seen another state is told so; whoever has seen this one may change it."""
        etag = done(self.settings.read()).etag
        self.change(MAX_10, if_match=f'"{etag}"')
        error = self.refused(SetOptions("manager", {"title": "X"}), if_match=f'"{etag}"')
        assert isinstance(error, Problem)
        self.assertEqual(412, error.status)
        self.change(SetOptions("manager", {"title": "X"}), if_match="*")

    def test_by_hand_before(self) -> None:
        """What was written by hand, and nobody has told the site of, stays."""
        self.path.write_text(TEXT.replace("Our garage", "By hand"))
        self.change(MAX_10)
        self.assertEqual(WANTED.replace("Our garage", "By hand"), self.path.read_text())

    def test_by_hand_meanwhile(self) -> None:
        """Who writes the file while it is being changed is not overwritten."""

        def overtaken(path: str, content: bytes, before: bytes) -> bool:
            self.path.write_text("[manager]\ntitle = By hand\n")
            return replacing.replace_file(path, content, before)

        self.patch(module, "replace_file", overtaken)
        failure = self.failureResultOf(Deferred.fromCoroutine(self.settings.change([MAX_10])))
        self.assertEqual(412, failure.check(Problem) and failure.value.status)
        self.assertEqual("[manager]\ntitle = By hand\n", self.path.read_text())
        self.assertEqual(([], [], 0), (self.backups(), self.left_over(), self.site.reloads))

    def test_empty(self) -> None:
        """What is empty, as it is while an editor writes it, is no site without anything."""
        for content in (b"", b"\xef\xbb\xbf\r\n"):
            self.path.write_bytes(content)
            self.assertIn("is empty", str(self.refused(SetOptions("manager", {"title": "X"}))))

    def test_nothing_to_change(self) -> None:
        """What is so already is not written again."""
        inode = self.path.stat().st_ino
        answer = self.change(SetOptions("manager", {"title": "Garage"}))
        self.assertEqual((inode, []), (self.path.stat().st_ino, self.backups()))
        self.assertEqual(((), ""), (answer.changed, answer.note))

    def test_not_applied(self) -> None:
        """That a site does not take what was written is said."""
        self.patch(self.site, "reload", lambda: succeed(None))
        answer = self.change(MAX_10)
        self.assertIn("is not applied", answer.warnings[-1])
        self.patch(self.site, "reload", lambda: fail(StorageError("no disk")))
        answer = self.change(SetOptions("manager", {"title": "X"}))
        self.assertIn("could not be applied", answer.warnings[-1])
        self.assertEqual(1, len(self.flushLoggedErrors(StorageError)))

    def test_unserved(self) -> None:
        """What was applied and is not in force is said."""
        words = "wallboxes still connect where they did"
        self.assertNotIn(words, self.change(MAX_10).warnings)
        self.unserved = words
        answer = self.change(SetOptions("manager", {"title": "X"}))
        self.assertEqual(words, answer.warnings[-1])

    def test_limited_circuit(self) -> None:
        """A circuit that is limited from outside keeps its name, and stays."""
        self.limited = {"garage": "the grid"}
        before = self.path.read_bytes()
        wanted = [RenameSection("circuit garage", "circuit cellar")]
        for ask in (self.settings.check, self.settings.change):
            work = Deferred.fromCoroutine(ask(wanted))
            problem = self.failureResultOf(work, Problem).value
            self.assertEqual(409, problem.status)
            self.assertIn("[circuit garage] is limited by the grid now", problem.detail)
        self.assertEqual(before, self.path.read_bytes())
        self.change(SetOptions("circuit garage", {"max_current": "32"}))
        self.limited = {}
        self.change(*wanted)
        self.assertIn("circuit cellar", values_in(self.path))

    def test_applied_before_the_answer(self) -> None:
        """Who has asked hears of it when the site runs with it, and not before."""
        applied: Deferred[None] = Deferred()

        def reload() -> Deferred[None]:
            self.site.config = read_config(str(self.path))
            return applied

        self.patch(self.site, "reload", reload)
        work = Deferred.fromCoroutine(self.settings.change([MAX_10]))
        self.assertNoResult(work)
        applied.callback(None)
        self.assertNotIn("it is written", " ".join(self.successResultOf(work).warnings))

    def test_link(self) -> None:
        """Of a link the file that it leads to is replaced."""
        real = self.folder / "real.cfg"
        self.path.rename(real)
        self.path.symlink_to("real.cfg")
        self.change(MAX_10)
        self.assertTrue(self.path.is_symlink())
        self.assertEqual(WANTED, real.read_text())

    def test_renamed(self) -> None:
        """A section that is renamed is that one in what is noted."""
        answer = self.change(
            RenameSection("evse bay-1", "evse left"), SetOptions("evse left", {"priority": "2"})
        )
        self.assertEqual(
            "[evse bay-1] is [evse left]; [evse left] priority: default -> 2; "
            "[gateway bay-1] evse: bay-1 -> left",
            answer.note,
        )


class Secrets(SettingsCase):
    """What comes back as it was shown."""

    def test_stay(self) -> None:
        """They stay as they are."""
        shown: dict[str, dict[str, str | None]] = {
            "manager": {"database": "postgresql://***@db.example/charging"},
            "ocpp server": {"password": "***"},
            "evse bay-1": {"password": "***"},
            "gateway bay-1": {
                "url": "ws://backend.example/ocpp?***",
                "password": "***",
                "proxy": "http://***@proxy.example:3128",
            },
        }
        changes: list[Change] = [
            SetOptions(heading, options) for heading, options in shown.items()
        ]
        done(self.settings.change([*changes, MAX_10]))
        self.assertEqual(WANTED, self.path.read_text())

    def test_of_renamed(self) -> None:
        """So they do in a section that has got another name before."""
        changes: list[Change] = [
            RenameSection("evse bay-1", "evse left"),
            SetOptions("evse left", {"password": "***"}),
        ]
        done(self.settings.change(changes))
        self.assertEqual("bay secret", values_in(self.path)["evse left"]["password"])

    def test_none(self) -> None:
        """Nobody gets three stars for a password, and no URL keeps a secret by half."""
        for change in (
            SetOptions("evse bay-2", {"password": "***"}),
            AddSection("evse c", {"type": "ocpp16", "address": "C", "password": "***"}),
            SetOptions("manager", {"database": "postgresql://***@other.example/charging"}),
            SetOptions("gateway bay-1", {"url": "ws://other.example/ocpp?***"}),
        ):
            work = Deferred.fromCoroutine(self.settings.change([change]))
            failure = self.failureResultOf(work, ConfigError)
            self.assertIn("must be written in full", failure.getErrorMessage())
        self.assertEqual(TEXT, self.path.read_text())

    def test_replaced(self) -> None:
        """A new secret is in the file, and not in what is noted."""
        changed = done(
            self.settings.change([SetOptions("evse bay-1", {"password": "newsecret"})])
        )
        self.assertEqual("newsecret", values_in(self.path)["evse bay-1"]["password"])
        self.assertEqual("[evse bay-1] password: *** -> ***", changed.note)


class Backups(SettingsCase):
    """The files of before."""

    def title(self, title: str) -> None:
        """Have the site called something else."""
        done(self.settings.change([SetOptions("manager", {"title": title})]))

    def test_kept(self) -> None:
        """The last few are kept, for nobody else to read; the newest comes first."""
        for number in range(MOST + 3):
            self.title(f"T{number}")
        kept = done(self.settings.backups())
        self.assertEqual(MOST, len(kept))
        self.assertEqual(sorted((one.at for one in kept), reverse=True), [o.at for o in kept])
        titles = [values_in(one)["manager"]["title"] for one in self.backups()]
        self.assertEqual([f"T{number}" for number in range(2, 7)], titles)
        self.assertEqual({0o600}, {stat.S_IMODE(one.stat().st_mode) for one in self.backups()})
        folder = self.folder / "var" / "backups"
        self.assertEqual(0o700, stat.S_IMODE(folder.stat().st_mode))

    def test_different(self) -> None:
        """One that is there already is not kept twice."""
        for _ in range(5):
            self.title("A")
            self.title("B")
        titles = {values_in(one)["manager"]["title"] for one in self.backups()}
        self.assertEqual(({"Garage", "A", "B"}, 3), (titles, len(self.backups())))

    def test_clock_stands_still(self) -> None:
        """None takes the place of another, whatever the clock says."""
        self.patch(self.settings, "_now", lambda: NOW)
        for number in range(MOST):
            self.title(f"T{number}")
        self.assertEqual(MOST, len(self.backups()))

    def test_restored(self) -> None:
        """One of before is there again, and the one until then is kept."""
        self.title("A")
        self.title("B")
        first = done(self.settings.backups())[-1]
        changed = done(self.settings.restore(first.id))
        self.assertEqual(TEXT, self.path.read_text())
        self.assertEqual("Garage", self.site.config.manager.title)
        self.assertEqual("[manager] title: B -> Garage", changed.note)
        titles = [values_in(one)["manager"]["title"] for one in self.backups()]
        self.assertIn("B", titles)

    def test_restored_badly(self) -> None:
        """One that has a mistake now is not used, and one that is not there is not found."""
        self.title("A")
        (kept,) = self.backups()
        kept.write_bytes(b"[manager]\ntitle = \xff\n")
        (backup,) = done(self.settings.backups())
        for name, kind in (
            (backup.id, ConfigError),
            ("20270301T120000.000000Z", Problem),
            ("../../tap.cfg", Problem),
        ):
            work = Deferred.fromCoroutine(self.settings.restore(name))
            self.failureResultOf(work, kind)
        self.assertEqual("A", values_in(self.path)["manager"]["title"])

    def test_strangers(self) -> None:
        """What else is in the folder is left alone."""
        self.title("A")
        names = ("tap.cfg.x", "tap.cfg.20279999T120000.000000Z", "notes")
        for name in names:
            (self.folder / "var" / "backups" / name).write_text("mine")
        for number in range(MOST + 1):
            self.title(f"T{number}")
        self.assertEqual(MOST + 3, len(self.backups()))
        self.assertEqual(MOST, len(done(self.settings.backups())))


class Faults(SettingsCase):
    """Disks that are full, broken or closed."""

    def fail_at(self, step: int, number: int) -> tuple[FailingOs, Any]:
        """Have one of the system's calls fail; what becomes of a change then."""
        failing = FailingOs(step, number)
        for one in _MODULES:
            self.patch(one, "os", failing)
        work = Deferred.fromCoroutine(self.settings.change([MAX_10]))
        results: list[Any] = []
        work.addBoth(results.append)
        for one in _MODULES:
            self.patch(one, "os", os)
        return failing, results[0]

    def test_each_step(self) -> None:
        """Whatever fails, it is said, and the file is the old one; or it is the new one."""
        for number, kinds in (
            (errno.ENOSPC, {507}),
            (errno.EROFS, {409}),
            (errno.EIO, {StorageError}),
        ):
            seen, step = set(), 0
            while True:
                self.setUp()
                failing, result = self.fail_at(step, number)
                if isinstance(result, Changed):
                    self.assertEqual(WANTED, self.path.read_text(), step)
                    self.assertEqual(1, self.site.reloads)
                else:
                    seen.add(getattr(result.value, "status", type(result.value)))
                    self.assertEqual(TEXT, self.path.read_text(), step)
                    self.assertEqual(([], 0), (self.left_over(), self.site.reloads), step)
                    self.assertEqual([], self.backups(), step)
                    self.assertIn("nothing was changed", result.getErrorMessage())
                if failing.count <= step:
                    break
                step += 1
            self.assertEqual(kinds, seen)
            self.assertGreater(step, 10)

    def test_killed_at_each_step(self) -> None:
        """After a fall at any step the file is the old one or the new one, as good as any."""
        seen, step = set(), 0
        while True:
            self.setUp()
            child = os.fork()
            if not child:
                failing = FailingOs(step, kills=True)
                for one in _MODULES:
                    setattr(one, "os", failing)  # noqa: B010 - it is a module
                done(self.settings.change([MAX_10]))
                os._exit(0)
            _, status = os.waitpid(child, 0)
            seen.add(self.path.read_text())
            read_config(str(self.path))
            done(self.settings.change([MAX_10]))
            self.assertEqual(WANTED, self.path.read_text())
            self.assertEqual([], self.left_over())
            self.assertLessEqual(len(self.backups()), 1 + 1)
            if not os.WIFSIGNALED(status):
                break
            step += 1
        self.assertEqual({TEXT, WANTED}, seen)
        self.assertGreater(step, 10)

    def test_last_step(self) -> None:
        """Where it is not certain that it is on disk it is said; it is used all the same."""
        self.patch(replacing, "_is_on_disk", lambda folder: False)
        changed = done(self.settings.change([MAX_10]))
        self.assertIn("after a fall of the power", changed.warnings[-1])
        self.assertEqual(10_000, self.site.config.evses[0].max_current_ma)

    def test_closed_file(self) -> None:
        """A file that this program may not write stays, though its folder is open to it."""
        self.patch(os, "access", lambda path, mode, **_: mode != os.W_OK)
        failure = self.failureResultOf(Deferred.fromCoroutine(self.settings.change([MAX_10])))
        self.assertEqual(409, failure.check(Problem) and failure.value.status)
        self.assertIn(str(self.path), failure.getErrorMessage())
        self.assertIn("Permission denied", failure.getErrorMessage())
        self.assertEqual((TEXT, []), (self.path.read_text(), self.backups()))

    def test_strangers_group(self) -> None:
        """Where its group cannot be kept nobody else can read it."""

        def refuse(descriptor: int, owner: int, group: int) -> None:
            raise PermissionError(errno.EPERM, "no")

        give = replacing._give
        like = self.path.stat()
        fields = list(like)
        fields[stat.ST_GID] += 1
        self.patch(os, "fchown", refuse)
        with self.path.open("rb") as file:
            self.assertEqual(0o600, give(file.fileno(), os.stat_result(fields)))
            self.assertEqual(0o640, give(file.fileno(), like))

    def test_gone(self) -> None:
        """Where the file is gone it is said so."""
        self.path.unlink()
        works: tuple[Coroutine[Any, Any, Any], ...] = (
            self.settings.read(),
            self.settings.change([MAX_10]),
        )
        for work in works:
            failure = self.failureResultOf(Deferred.fromCoroutine(work))
            self.assertIs(StorageError, failure.type)
            self.assertIn(str(self.path), failure.getErrorMessage())


class Together(TestCase):
    """With real threads."""

    async def test_many_at_once(self) -> None:
        """Changes that are asked for at once are all made, one after the other."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        path = folder / "tap.cfg"
        path.write_text(TEXT)
        site = SiteOfFile(path)
        settings = SettingsFile(lambda: site.config, site.reload, lambda: NOW, reactor)
        works = [
            Deferred.fromCoroutine(settings.change([SetOptions("circuit garage", {name: "1"})]))
            for name in (
                "reserve",
                "max_imbalance",
                "assumed_load",
                "failsafe_load",
                "priority",
            )
        ]
        # Who asks no more does not stop what he has begun.
        works[2].addErrback(lambda _: None)
        await deferLater(reactor, 0)
        works[2].cancel()
        await gatherResults(works)
        while site.reloads < len(works):
            await deferLater(reactor, 0.01)
        options = values_in(path)["circuit garage"]
        self.assertEqual(
            {"reserve", "max_imbalance", "assumed_load", "failsafe_load", "priority"},
            set(options) - {"max_current"},
        )
        self.assertEqual(1, site.config.circuits[0].priority)
