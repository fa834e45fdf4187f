"""Watches a profile's files, and reloads them when they change."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ..concurrency.changes import Changes
from ..errors import PolicyFileError, Problem, UnknownProfileError
from ..model.identity import ClientIdentity
from .audit import RECONNECT, AuditTrail
from .differences import differences
from .library import PolicyLibrary, is_there
from .profile import Profile
from .starting import Start

Stat = tuple[int, ...] | None
"""A file's state as the operating system reports it; None if there is no file."""

_TICK_NS: Final = 100_000_000
"""How long after a change another one may have the same time, if the file system keeps fractions."""


@dataclass(frozen=True, slots=True)
class Reload:
    """The result of a reload.

    Attributes:
        changed: key, value before and value after, of every key that changed.
        needs_reconnect: changed keys that a connected client cannot apply.
        error: why nothing changed; None if the files are good.
        using: the results for other profiles that ``using()`` blocks have used, by name; only those with
            a change or an error.
    """

    changed: tuple[tuple[str, Any, Any], ...] = ()
    needs_reconnect: tuple[str, ...] = ()
    error: Exception | None = None
    using: Mapping[str, Reload] = field(default_factory=dict)


class Watcher:
    """Checks a profile's files when called. Several threads may call it at once.

    It compares what the operating system says of each file, following links: device, inode, size, time of
    modification and time of change. So it notices an atomic rename, a Kubernetes ConfigMap's switch of its
    ``..data`` link, files that disappear and return, and deployments that give every file the same time. It
    checks every path where a file of the chain could be: also that of a parent that does not exist yet, and
    that of a file that would take precedence over the one in force.

    It is an error if a file disappears and a file of the same name in a later directory would replace it:
    the last good profile stays in force.

    Args:
        library: where profiles come from.
        name: the profile's name.
        on_change: called with the new profile when its settings changed. It prepares the change without
            applying it, and returns a function that applies it and does not fail, or None if nothing is
            left to do. If it raises, the file counts as broken.
        on_error: called with the error, under a lock, when a file is broken; the last good profile stays
            in force.
        identity: the wrapped client's name and profile, for log lines.
        changes: the changes of which a reload is one.
        trail: keeps what changed.
        start: what is in force where the profile is broken now; None if that is an error.

    Attributes:
        profile: the last good profile.
    """

    def __init__(
        self,
        library: PolicyLibrary,
        name: str,
        on_change: Callable[[Profile], Callable[[], None] | None],
        on_error: Callable[[Exception], None],
        identity: ClientIdentity | None = None,
        changes: Changes | None = None,
        trail: AuditTrail | None = None,
        start: Start | None = None,
    ) -> None:
        self._log = (identity or ClientIdentity()).log("aerospike_resilience.profiles")
        self._changes = changes or Changes()
        self._trail = trail or AuditTrail(identity, self._changes.notices)
        self._library = library
        self._name = name
        self._on_change = on_change
        self._on_error = on_error
        self._seen: dict[Path, Stat] = {}
        now_ns = time.time_ns()
        self._broken, self._told = False, ""
        try:
            self.profile = library.load(name, self._looking_into(self._seen))
        except (PolicyFileError, UnknownProfileError) as error:
            if start is None:
                raise
            self.profile, self._broken, self._told = start.profile, True, str(error)
        self._good = tuple(self._seen)
        self._unsettled = _unsettled(self._seen, now_ns)

    def poll(self) -> None:
        """Reload if a file changed since the last check. It costs one ``stat`` for each possible file."""
        if any(_stat(path) != seen for path, seen in self._seen.items()):
            self._load()
        elif self._unsettled:
            self._load(again=True)

    def reload(self) -> Reload:
        """Reload the files now."""
        return self._load()

    def _load(self, *, again: bool = False) -> Reload:
        """Load the files; if `again`, do not report an error that was reported already."""
        return self._changes.make(functools.partial(self._ready, again=again))

    def _ready(self, *, again: bool) -> Callable[[], Reload]:
        """Load the files and prepare the change; the returned function applies it."""
        before, now_ns, effect = self.profile, time.time_ns(), None
        # Taken before the files are read, so that the next check notices changes during reading.
        seen = {path: _stat(path) for path in self._good}
        looked: dict[Path, Stat] = {}
        try:
            after = self._library.load(self._name, self._looking_into(looked))
            self._refuse_vanished(before, after)
            if after.fingerprint != before.fingerprint or self._broken:
                effect = self._on_change(after) or _nothing
        except Exception as error:  # noqa: BLE001 - whatever is wrong, watching must go on
            return functools.partial(self._keep, {**seen, **looked}, now_ns, error, again)
        return functools.partial(self._take, looked, now_ns, before, after, effect)

    def _keep(self, seen: dict[Path, Stat], now_ns: int, error: Exception, again: bool) -> Reload:
        self._seen, self._broken = seen, True
        self._unsettled = _unsettled(seen, now_ns)
        if not again or str(error) != self._told:
            self._told = str(error)
            self._on_error(error)
        return Reload(error=error)

    def _take(
        self,
        looked: dict[Path, Stat],
        now_ns: int,
        before: Profile,
        after: Profile,
        effect: Callable[[], None] | None,
    ) -> Reload:
        self._seen, self._good = looked, tuple(looked)
        self._unsettled = _unsettled(looked, now_ns)
        self.profile, self._broken = after, False
        if effect is None:
            return Reload()
        effect()
        note = self._changes.notices.note
        found = differences(before, after)
        changed = tuple((one.key, one.before, one.after) for one in found)
        needs_reconnect = tuple(key for key, _, _ in changed if key.startswith(RECONNECT))
        if needs_reconnect:
            note(
                self._log.warning,
                "profile %r: %s changed, which a connected client cannot take over; reconnect for it",
                *(self._name, ", ".join(needs_reconnect)),
            )
        self._trail.took(self._name, before, after)
        return Reload(changed, needs_reconnect)

    def _refuse_vanished(self, before: Profile, after: Profile) -> None:
        """Refuse a change that came from a missing file and not from an edit.

        Raises:
            PolicyFileError: a file is gone, and one of the same name in another directory would replace it.
        """
        now = {path.name: path for path in after.files}
        problems = []
        for where, path in before.named.items():
            instead = now.get(path.name, path)
            if instead != path and not is_there(path):
                message = (
                    f"is gone, and {self._library.name_of(instead)} would stand in for it; put the file "
                    "back, or restart the process to take the other one"
                )
                problems.append(Problem(where, 0, 0, "", message))
        if problems:
            raise PolicyFileError(problems)

    def _looking_into(self, seen: dict[Path, Stat]) -> Callable[[str], None]:
        """Return a function that records the state of every file that could define a named profile."""

        def look(name: str) -> None:
            for path in self._library.candidates(name):
                seen.setdefault(path, _stat(path))

        return look


def _nothing() -> None:
    return None


def _stat(path: Path) -> Stat:
    try:
        found = path.stat()
    except (OSError, ValueError):  # a name with a null character raises ValueError
        return None
    return (
        *(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns),
        found.st_ctime_ns,  # no tool can set this time, so it shows a change that the other fields hide
    )


def _unsettled(seen: Mapping[Path, Stat], now_ns: int) -> bool:
    """Return whether a file changed so recently that another change could have the same time."""
    times = [one[-1] for one in seen.values() if one is not None]
    return any(abs(now_ns - changed_ns) < _tick_ns(changed_ns) for changed_ns in times)


def _tick_ns(changed_ns: int) -> int:
    """Return a file system's clock resolution, estimated from a time: some keep whole seconds."""
    return _TICK_NS if changed_ns % 1_000_000_000 else 2_000_000_000
