"""Watching a profile's files, and loading them again when they change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ..model.identity import ClientIdentity
from .library import PolicyLibrary
from .profile import Profile

_RECONNECT: Final = "connection."

Stat = tuple[int, int, int] | None
"""Inode, size and time of change of a file; None where there is none."""


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
    """Looks at a profile's files when asked to. One thread at a time may ask.

    It compares what the operating system says of each file, following links, so that an atomic rename
    and a Kubernetes ConfigMap's switch of its ``..data`` link are seen, and files that vanish and
    return. It looks wherever a file of the chain could be: also at a parent that is yet to be written,
    and at a file that would come before the one in force.

    Args:
        library: where profiles come from.
        name: the profile's name.
        on_change: given the new profile, when its settings changed; what it raises counts as a bad file.
        on_error: given the error, when a file is bad; the last good profile stays in force.
        identity: the wrapped client's name and profile, for log lines.

    Attributes:
        profile: the last good profile.
    """

    def __init__(
        self,
        library: PolicyLibrary,
        name: str,
        on_change: Callable[[Profile], None],
        on_error: Callable[[Exception], None],
        identity: ClientIdentity | None = None,
    ) -> None:
        self._log = (identity or ClientIdentity()).log("aerospike_resilience.profiles")
        self._library = library
        self._name = name
        self._on_change = on_change
        self._on_error = on_error
        self._seen: dict[Path, Stat] = {}
        self.profile = library.load(name, self._looking_into(self._seen))
        self._good = tuple(self._seen)
        self._broken = False

    def poll(self) -> None:
        """Reload if a file changed since the last look. Costs one ``stat`` a file that there could be."""
        if any(_stat(path) != seen for path, seen in self._seen.items()):
            self.reload()

    def reload(self) -> Reload:
        """Load the files again now."""
        before = self.profile
        # Taken before the files are read, so that what changes meanwhile is seen at the next look.
        seen = {path: _stat(path) for path in self._good}
        looked: dict[Path, Stat] = {}
        try:
            after = self._library.load(self._name, self._looking_into(looked))
            if changes := after.fingerprint != before.fingerprint or self._broken:
                self._on_change(after)
        except Exception as error:  # noqa: BLE001 - whatever is wrong, watching must go on
            self._seen, self._broken = {**seen, **looked}, True
            self._on_error(error)
            return Reload(error=error)
        self._seen, self._good = looked, tuple(looked)
        self.profile, self._broken = after, False
        if not changes:
            return Reload()
        changed = tuple(_differences(before, after))
        needs_reconnect = tuple(key for key, _, _ in changed if key.startswith(_RECONNECT))
        if needs_reconnect:
            self._log.warning(
                "profile %r: %s changed, which a connected client cannot take over; reconnect for it",
                *(self._name, ", ".join(needs_reconnect)),
            )
        self._log.info(
            "profile %r reloaded: %s", self._name, ", ".join(key for key, _, _ in changed)
        )
        return Reload(changed, needs_reconnect)

    def _looking_into(self, seen: dict[Path, Stat]) -> Callable[[str], None]:
        """Return what notes the state of every file that a profile of a name could be in."""

        def look(name: str) -> None:
            for path in self._library.candidates(name):
                seen.setdefault(path, _stat(path))

        return look


def _stat(path: Path) -> Stat:
    try:
        found = path.stat()
    except (OSError, ValueError):  # a name with a null in it is a ValueError
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns)


def _differences(before: Profile, after: Profile) -> list[tuple[str, Any, Any]]:
    old, new = before.flat(), after.flat()
    return [
        (key, old.get(key), new.get(key))
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]
