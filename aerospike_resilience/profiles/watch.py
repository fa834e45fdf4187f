"""Watching a profile's files, and loading them again when they change."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .errors import PolicyFileError, UnknownProfileError
from .library import PolicyLibrary
from .profile import Profile

_log = logging.getLogger("aerospike_resilience.profiles")

_RECONNECT: Final = "connection."

Signature = tuple[tuple[str, int, int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class Reload:
    """What a reload did.

    Attributes:
        changed: key, value before and value after, of every key that changed.
        needs_reconnect: changed keys that a client which is connected cannot take over.
        error: why nothing changed; None if the files are good.
    """

    changed: tuple[tuple[str, Any, Any], ...] = ()
    needs_reconnect: tuple[str, ...] = ()
    error: Exception | None = None


class Watcher:
    """Looks at a profile's files when asked to.

    It compares what the operating system says of each file, following links, so that an atomic rename
    and a Kubernetes ConfigMap's switch of its ``..data`` link are seen, and files that vanish and
    return.

    Args:
        library: where profiles come from.
        name: the profile's name.
        on_change: given the new profile, when its settings changed.
        on_error: given the error, when a file is broken; the last good profile stays in force.
    """

    def __init__(
        self,
        library: PolicyLibrary,
        name: str,
        on_change: Callable[[Profile], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        self._library = library
        self._name = name
        self._on_change = on_change
        self._on_error = on_error
        self._profile = library.load(name)
        self._files = self._profile.files
        self._seen = self._signature()
        self._broken = False

    def poll(self) -> None:
        """Reload if a file changed since the last look. Costs one ``stat`` a file."""
        if self._signature() != self._seen:
            self.reload()

    def reload(self) -> Reload:
        """Load the files again now."""
        self._seen = self._signature()
        before = self._profile
        try:
            after = self._library.load(self._name)
        except (PolicyFileError, UnknownProfileError) as error:
            self._broken = True
            self._on_error(error)
            return Reload(error=error)
        self._files = after.files
        self._seen = self._signature()
        if after.fingerprint == before.fingerprint and not self._broken:
            return Reload()
        self._profile, self._broken = after, False
        changed = tuple(_differences(before, after))
        needs_reconnect = tuple(key for key, _, _ in changed if key.startswith(_RECONNECT))
        if needs_reconnect:
            _log.warning(
                "profile %r: %s changed, which a connected client cannot take over; reconnect for it",
                *(self._name, ", ".join(needs_reconnect)),
            )
        self._on_change(after)
        _log.info("profile %r reloaded: %s", self._name, ", ".join(key for key, _, _ in changed))
        return Reload(changed, needs_reconnect)

    def _signature(self) -> Signature:
        return tuple(_stat(path) for path in self._files)


def _stat(path: Path) -> tuple[str, int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (str(path), found.st_ino, found.st_size, found.st_mtime_ns)


def _differences(before: Profile, after: Profile) -> list[tuple[str, Any, Any]]:
    old, new = before.flat(), after.flat()
    return [
        (key, old.get(key), new.get(key))
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]
