"""Watching a profile's files, and loading them again when they change."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ..concurrency.changes import Changes
from ..errors import PolicyFileError, Problem
from ..model.identity import ClientIdentity
from .differences import differences
from .library import PolicyLibrary, is_there
from .profile import Profile

_RECONNECT: Final = "connection."

Stat = tuple[int, ...] | None
"""What the operating system says of a file; None where there is none."""

_TICK_NS: Final = 100_000_000
"""How long after a change another one may bear the same time, on a file system that keeps fractions."""


@dataclass(frozen=True, slots=True)
class Reload:
    """What a reload did.

    Attributes:
        changed: key, value before and value after, of every key that changed.
        needs_reconnect: changed keys that a client which is connected cannot take over.
        error: why nothing changed; None if the files are good.
        using: the same of other profiles that ``using()`` blocks have switched to, by their names; only
            those of which there is something to tell.
    """

    changed: tuple[tuple[str, Any, Any], ...] = ()
    needs_reconnect: tuple[str, ...] = ()
    error: Exception | None = None
    using: Mapping[str, Reload] = field(default_factory=dict)


class Watcher:
    """Looks at a profile's files when asked to. Several threads may ask at once.

    It compares what the operating system says of each file, following links: device, inode, size, time of
    modification and time of change. So an atomic rename and a Kubernetes ConfigMap's switch of its
    ``..data`` link are seen, files that vanish and return, and deployments that give every file the same
    time. It looks wherever a file of the chain could be: also at a parent that is yet to be written, and at
    a file that would come before the one in force.

    A file that vanishes while another of its name, in a directory further back, would take its place is an
    error: the service goes on with what it has.

    Args:
        library: where profiles come from.
        name: the profile's name.
        on_change: given the new profile, when its settings changed. It makes it ready and changes nothing;
            what it returns puts it in force, and does not fail; None if nothing is left to do. What it
            raises counts as a bad file.
        on_error: given the error, when a file is bad; the last good profile stays in force. Called under a
            lock.
        identity: the wrapped client's name and profile, for log lines.
        changes: the changes of which a reload is one.

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
    ) -> None:
        self._log = (identity or ClientIdentity()).log("aerospike_resilience.profiles")
        self._changes = changes or Changes()
        self._library = library
        self._name = name
        self._on_change = on_change
        self._on_error = on_error
        self._seen: dict[Path, Stat] = {}
        now_ns = time.time_ns()
        self.profile = library.load(name, self._looking_into(self._seen))
        self._good = tuple(self._seen)
        self._unsettled = _unsettled(self._seen, now_ns)
        self._broken = False
        self._told = ""

    def poll(self) -> None:
        """Reload if a file changed since the last look. Costs one ``stat`` a file that there could be."""
        if any(_stat(path) != seen for path, seen in self._seen.items()):
            self._load()
        elif self._unsettled:
            self._load(again=True)

    def reload(self) -> Reload:
        """Load the files again now."""
        return self._load()

    def _load(self, *, again: bool = False) -> Reload:
        """Load the files; if `again`, an error that was told already is not told once more."""
        return self._changes.make(functools.partial(self._ready, again=again))

    def _ready(self, *, again: bool) -> Callable[[], Reload]:
        """Load the files and make what they say ready; what is returned puts it in force."""
        before, now_ns, effect = self.profile, time.time_ns(), None
        # Taken before the files are read, so that what changes meanwhile is seen at the next look.
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
        needs_reconnect = tuple(key for key, _, _ in changed if key.startswith(_RECONNECT))
        if needs_reconnect:
            note(
                self._log.warning,
                "profile %r: %s changed, which a connected client cannot take over; reconnect for it",
                *(self._name, ", ".join(needs_reconnect)),
            )
        for one in found:
            note(self._log.info, "profile %r reloaded: %s", self._name, one)
        return Reload(changed, needs_reconnect)

    def _refuse_vanished(self, before: Profile, after: Profile) -> None:
        """Refuse what came about because a file is gone, and not because somebody wrote another.

        Raises:
            PolicyFileError: a file is gone for which one of its name in another directory would stand in.
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
        """Return what notes the state of every file that a profile of a name could be in."""

        def look(name: str) -> None:
            for path in self._library.candidates(name):
                seen.setdefault(path, _stat(path))

        return look


def _nothing() -> None:
    return None


def _stat(path: Path) -> Stat:
    try:
        found = path.stat()
    except (OSError, ValueError):  # a name with a null in it is a ValueError
        return None
    return (
        *(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns),
        found.st_ctime_ns,  # no tool sets it: it tells a change that all the others hide
    )


def _unsettled(seen: Mapping[Path, Stat], now_ns: int) -> bool:
    """Return whether a file changed so recently that a further change could bear the same time."""
    times = [one[-1] for one in seen.values() if one is not None]
    return any(abs(now_ns - changed_ns) < _tick_ns(changed_ns) for changed_ns in times)


def _tick_ns(changed_ns: int) -> int:
    """Return how coarse a file system's clock is, told by a time: some keep whole seconds."""
    return _TICK_NS if changed_ns % 1_000_000_000 else 2_000_000_000
