"""The C{tap.cfg} of a site that runs: read and changed, one change after the other."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from errno import EACCES, EDQUOT, EFBIG, ENOSPC, EPERM, EROFS
from pathlib import Path
from typing import Any, TypeVar

from attrs import field, frozen
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.errors import ConfigError, Mistake, StorageError
from cfos_cm.regular_file import read_regular_file
from cfos_cm.services.config import Config, changes, differences
from cfos_cm.services.config.backups import Backup, Backups
from cfos_cm.services.config.editing import Change, RenameSection, edited
from cfos_cm.services.config.ini import MAX_BYTES, read_ini
from cfos_cm.services.config.reading import read_content
from cfos_cm.services.config.replacing import Overtaken, replace_file
from cfos_cm.services.config.shown import differing_values, unmasked
from cfos_cm.services.web.new_files import NewFile, NewFiles
from cfos_cm.web.problem import Problem

__all__ = ["Backup", "Changed", "Kept", "SettingsFile"]

T = TypeVar("T")

_MOST_NOTED = 2000
_CLOSED = frozenset({EACCES, EPERM, EROFS})
_FULL = frozenset({ENOSPC, EDQUOT, EFBIG})

_log = Logger(namespace="cfos_cm.services")


@frozen
class Kept:
    """
    What is in the file.

    @ivar etag: what this state of it is called.
    @ivar warnings: what is hardly meant in it, or what is wrong with it: a sentence each.
    """

    path: str
    text: str = field(repr=False)
    etag: str
    warnings: tuple[str, ...] = ()


@frozen
class Changed:
    """
    What a change does, or would do.

    @ivar changed: the options that say something else, without values.
    @ivar needs_restart: a sentence for each that takes effect at the next start only.
    @ivar note: for the audit log, old and new; secrets are hidden.
    """

    etag: str
    changed: tuple[str, ...]
    needs_restart: tuple[str, ...]
    warnings: tuple[str, ...]
    note: str


@frozen
class _State:
    """What was in the file when it was looked at."""

    content: bytes = field(repr=False)
    text: str = field(repr=False)

    @property
    def etag(self) -> str:
        return hashlib.sha256(self.content).hexdigest()[:32]


@frozen
class _Wanted:
    """
    What is to be in the file.

    @ivar make: the new text, of the one that is there.
    @ivar renamed: what sections are called then, by what they are called.
    """

    make: Callable[[_State], str]
    if_match: str | None
    files: tuple[NewFile, ...] = ()
    renamed: dict[str, str] = field(factory=dict)


class SettingsFile:
    """
    Reads and changes the file; changes wait for each other.

    What somebody else has written into the file is never lost: changes are made to what is in
    it, and it is only replaced if that is in it still. What was in it is kept before.
    """

    def __init__(
        self,
        config: Callable[[], Config],
        reload: Callable[[], Awaitable[None]],
        now: Callable[[], datetime],
        reactor: Any,
        limited: Callable[[], Mapping[str, str]] = dict,
        unserved: Callable[[], str] = str,
    ) -> None:
        """
        @param config: what the site runs with now.
        @param reload: has the site read its file; fires when what is in it is applied.
        @param now: aware.
        @param reactor: whose threads read and write.
        @param limited: who limits circuits now, by their names; such a one has to stay.
        @param unserved: what of what is applied is not in force; empty: nothing.
        """
        self._config = config
        self._reload = reload
        self._now = now
        self._reactor = reactor
        self._limited = limited
        self._unserved = unserved
        self._turn = DeferredLock()

    async def read(self) -> Kept:
        """
        What is in the file now.

        @raise StorageError: if it cannot be read.
        """
        return await self._in_thread(self._kept)

    async def has(self, heading: str) -> bool:
        """
        Whether there is a section.

        @raise StorageError: if the file cannot be read.
        """
        text = (await self.read()).text
        return heading in [one.heading for one in read_ini(text, "").sections]

    async def check(self, wanted: Sequence[Change], if_match: str | None = None) -> Changed:
        """As L{change}, and write nothing."""
        edits = self._edits(wanted, if_match)
        return await self._in_thread(self._outcome, edits, self._limited())

    async def change(
        self,
        wanted: Sequence[Change],
        if_match: str | None = None,
        *,
        by: str = "",
        files: Sequence[NewFile] = (),
    ) -> Changed:
        """
        Change the file and have the site run with it: all changes, or none.

        @param if_match: the state that it has to be in; C{None}: any.
        @param by: who wants it, for the log.
        @param files: what has to be there with it; they are removed if it cannot be done.
        @raise ConfigError: with all mistakes that there would be in it.
        @raise Problem: 412 for another state, 409 or 507 for what cannot be written.
        @raise StorageError: if a disk fails.
        """
        return await self._apply(self._edits(wanted, if_match, tuple(files)), by)

    async def backups(self) -> tuple[Backup, ...]:
        """
        Those that are kept, the newest first.

        @raise StorageError: if they cannot be read.
        """
        return await self._in_thread(lambda: self._backups().all())

    async def restore(
        self, backup: str, if_match: str | None = None, *, by: str = ""
    ) -> Changed:
        """
        Go back to a file of before; what is there now is kept.

        @raise Problem: 404 if there is none; and as L{change} does.
        """
        return await self._apply(_Wanted(lambda _: self._text_of(backup), if_match), by)

    async def in_turn(self, work: Callable[[], None]) -> None:
        """Do something in a thread while nobody changes the file."""
        await _to_its_end(self._turn.run(self._in_thread, work))

    def _edits(
        self,
        wanted: Sequence[Change],
        if_match: str | None,
        files: tuple[NewFile, ...] = (),
    ) -> _Wanted:
        path = self._config().absolute_path
        renamed = {one.heading: one.to for one in wanted if isinstance(one, RenameSection)}

        def make(state: _State) -> str:
            text = state.text
            if not text.strip("\ufeff \t\r\n"):
                # For a moment, while an editor writes it: this would be all that is in it.
                raise ConfigError([Mistake(path, 0, "", "", "", "is empty")])
            for one in wanted:
                text = edited(text, path, [unmasked(one, text, path)])
            return text

        return _Wanted(make, if_match, files, renamed)

    async def _apply(self, wanted: _Wanted, by: str) -> Changed:
        # Whoever asked may be gone before it is done: it is done all the same, in its turn.
        return await _to_its_end(self._turn.run(self._apply_now, wanted, by))

    async def _apply_now(self, wanted: _Wanted, by: str) -> Changed:
        before = self._config()
        done: Changed = await self._in_thread(self._write, wanted, self._limited())
        _log.info("tap.cfg was changed{by}", by=f" by {by}" if by else "")
        warnings = done.warnings + await self._applied(before)
        return Changed(done.etag, done.changed, done.needs_restart, warnings, done.note)

    async def _applied(self, before: Config) -> tuple[str, ...]:
        """Have the site run with it; gives what is to be said of that."""
        try:
            await self._reload()
        except Exception:  # noqa: BLE001 - the file is written, and so it is said
            _log.failure("what has been written was not applied")
            return ("it is written, but could not be applied: the log says why",)
        if self._config() is before:
            return ("it is written, but is not applied: the log says why",)
        unserved = self._unserved()
        return (unserved,) if unserved else ()

    # What follows reads and writes files, in a thread.

    def _state(self) -> _State:
        config = self._config()
        content = read_regular_file(config.absolute_path, MAX_BYTES)
        try:
            return _State(content, content.decode("utf-8"))
        except UnicodeDecodeError:
            read_content(content, config.absolute_path)  # It says where.
            raise StorageError(f"{config.absolute_path} is no UTF-8 text") from None

    def _kept(self) -> Kept:
        path, state = self._config().absolute_path, self._state()
        try:
            warnings = read_content(state.content, path).warnings()
        except ConfigError as error:
            warnings = tuple(str(one) for one in error.mistakes)
        return Kept(path, state.text, state.etag, warnings)

    def _outcome(self, wanted: _Wanted, limited: Mapping[str, str]) -> Changed:
        _, _, outcome = self._judged(wanted, limited)
        return outcome

    def _judged(
        self, wanted: _Wanted, limited: Mapping[str, str]
    ) -> tuple[_State, bytes, Changed]:
        """What is there, what is to be there, and what that changes."""
        config, state = self._config(), self._state()
        _check_state(state, wanted.if_match)
        text = wanted.make(state)
        content = text.encode("utf-8", "surrogatepass")
        after = read_content(content, config.absolute_path)
        _check_limited(config, after, limited)
        outcome = Changed(
            etag=_State(content, text).etag,
            changed=changes(config, after),
            needs_restart=(*differences(config, after), *_of_the_page(config, after)),
            warnings=after.warnings(),
            note=_note(differing_values(state.text, text, wanted.renamed)),
        )
        return state, content, outcome

    def _write(self, wanted: _Wanted, limited: Mapping[str, str]) -> Changed:
        put = NewFiles(wanted.files)
        try:
            put.put()
            state, content, outcome = self._judged(wanted, limited)
            if content != state.content:
                outcome = self._replace(state, content, outcome)
        except BaseException:
            put.undo()
            raise
        return outcome

    def _replace(self, state: _State, content: bytes, outcome: Changed) -> Changed:
        backups = self._backups()
        backup = backups.keep(state.content, self._now())
        try:
            path = self._config().absolute_path
            is_certain = replace_file(path, content, state.content)
        except Overtaken as error:
            with suppress(OSError):
                backups.drop(backup)
            raise Problem(412, f"{error}: nothing was changed; look at it again") from None
        except BaseException:
            with suppress(OSError):
                backups.drop(backup)
            raise
        with suppress(OSError):
            backups.prune(backup)
        if is_certain:
            return outcome
        warning = f"{path} is written, but may be the one before after a fall of the power"
        warnings = (*outcome.warnings, warning)
        return Changed(
            outcome.etag, outcome.changed, outcome.needs_restart, warnings, outcome.note
        )

    def _text_of(self, backup: str) -> str:
        content = self._backups().content(backup)
        if content is None:
            raise Problem(404, "there is no such backup")
        # One that cannot be read has been written by somebody else.
        return content.decode("utf-8", "surrogateescape")

    def _backups(self) -> Backups:
        config = self._config()
        folder = Path(config.state_directory) / "backups"
        return Backups(folder, os.path.basename(config.absolute_path))

    def names_file(self, name: str) -> bool:
        """
        Whether a file is named in the settings, or in a backup of them; for a thread.

        @raise OSError: if one of them cannot be read.
        """
        texts = [self._state().content, *self._backups().texts()]
        return any(name.encode() in one for one in texts)

    async def _in_thread(self, work: Callable[..., T], *args: Any) -> T:
        pool = self._reactor.getThreadPool()
        try:
            done: T = await deferToThreadPool(self._reactor, pool, work, *args)
        except OSError as error:
            raise _trouble(error) from None
        return done


def _check_state(state: _State, if_match: str | None) -> None:
    if if_match is None or if_match.strip() == "*":
        return
    if if_match.strip().removeprefix("W/").strip('"') != state.etag:
        raise Problem(
            412,
            "tap.cfg has changed since it was shown: nothing was written; look at it again",
            {"etag": state.etag},
        )


def _check_limited(before: Config, after: Config, limited: Mapping[str, str]) -> None:
    """@raise Problem: if a limit in force would be for a circuit that is not there any more."""
    kept = {one.name for one in after.circuits}
    for one in before.circuits:
        if one.name in limited and one.name not in kept:
            raise Problem(
                409,
                f"[circuit {one.name}] is limited by {limited[one.name]} now, and would not be "
                "any more: it keeps its name until that limit has ended or was lifted; nothing "
                "was changed",
            )


def _of_the_page(before: Config, after: Config) -> tuple[str, ...]:
    if before.web.is_served and not after.web.is_served:
        return ("[web]: without this section there is no page after a restart",)
    return ()


def _note(lines: Any) -> str:
    text = "; ".join(lines)
    return text if len(text) <= _MOST_NOTED else text[:_MOST_NOTED] + "…"


def _trouble(error: OSError) -> Problem | StorageError:
    """What whoever has asked is told."""
    words = f"{error.filename or 'tap.cfg'}: {error.strerror or 'it failed'}"
    if error.errno in _CLOSED:
        return Problem(409, f"{words}; this program may not write there, nothing was changed")
    if error.errno in _FULL:
        return Problem(507, f"{words}; nothing was changed")
    return StorageError(f"{words}; nothing was changed")


async def _to_its_end(work: Deferred[T]) -> T:
    """What C{work} gives; whoever waits for it may stop to, which does not stop it."""
    waiting: Deferred[T] = Deferred()

    def pass_on(result: T | Failure) -> None:
        if waiting.called and isinstance(result, Failure):
            _log.failure("nobody waits any more for a change that has failed", result)
        else:
            waiting.callback(result)

    work.addBoth(pass_on)
    return await waiting
