"""The differences between two versions of a profile, with units and the line of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .profile import Profile
from .source import KeyPath
from .spelling import NOT_SET, is_secret, public, written


@dataclass(frozen=True, slots=True)
class Difference:
    """One key that has another value.

    Attributes:
        key: the path of keys, ``policy.all.total_timeout``.
        before: the value as written before; None if there was none.
        after: the value as written now; None if there is none.
        was: the value before, with its unit: ``250ms``.
        now: the value now, with its unit.
        origin: where the present value is set; where the old one was set, if there is none now.
    """

    key: str
    before: Any
    after: Any
    was: str
    now: str
    origin: str

    @property
    def text(self) -> str:
        """Both values: ``250ms → 400ms``."""
        return f"{self.was} → {self.now}"

    def __str__(self) -> str:
        return f"{self.key}: {self.text} ({self.origin})"


def differences(before: Profile, after: Profile) -> list[Difference]:
    """Return the keys that have different values in two profiles."""
    old, new = before.leaves(), after.leaves()
    return [
        _difference(path, old, new, (after if path in new else before).origin(path))
        for path in sorted(old.keys() | new.keys())
        if path not in old or path not in new or old[path] != new[path]
    ]


def _difference(
    path: KeyPath, old: Mapping[KeyPath, Any], new: Mapping[KeyPath, Any], origin: str
) -> Difference:
    values = [public(path, one.get(path)) for one in (old, new)]
    was, now = (written(path, one[path]) if path in one else NOT_SET for one in (old, new))
    if is_secret(path) and was == now:
        now += " (with other credentials)"
    return Difference(".".join(path), values[0], values[1], was, now, origin)
