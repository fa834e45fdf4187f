"""A bounded table that forgets what was used longest ago."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final

HALF: Final = 256
"""How many entries a table keeps at least. It keeps twice as many at most."""


class BoundedTable:
    """Keeps the entries used last, without a lock.

    It has two halves. A new entry goes into the younger one, and an entry found in the older one moves
    there. When the younger half is full it becomes the older one, and the older one is dropped: it holds
    only what was not used since. So a hit costs one look-up. Threads may lose an entry between them, and
    then make it again.

    Args:
        half: how many entries a half takes.

    Attributes:
        young: the younger half, for who has no call to spare: what it does not have, `get` may have.
    """

    __slots__ = ("_half", "_old", "young")

    def __init__(self, half: int = HALF) -> None:
        self._half = half
        self.young: dict[Hashable, Any] = {}
        self._old: dict[Hashable, Any] = {}

    def __len__(self) -> int:
        return len(self.young.keys() | self._old.keys())

    def get(self, index: Hashable) -> Any:
        """Return an entry; None if there is none."""
        found = self.young.get(index)
        if found is None and (found := self._old.get(index)) is not None:
            self.put(index, found)
        return found

    def values(self) -> list[Any]:
        """Return every entry, each once."""
        return list({**self._old, **self.young}.values())

    def put(self, index: Hashable, entry: Any) -> None:
        """Keep an entry."""
        young = self.young
        if len(young) >= self._half:
            self._old, self.young = young, {}
            young = self.young
        young[index] = entry
