"""The state that readers get: the client's snapshot, with the process it is of and when it was taken."""

from __future__ import annotations

import functools
import importlib.metadata
import json
import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol, TypeAlias

MEMORY_S: Final = 0.04
"""For how long one sample serves all readers, in seconds: less than the shortest interval."""

State: TypeAlias = dict[str, Any]
"""A client's whole state, ready for JSON."""


class Watched(Protocol):
    """A wrapped client's `Resilience`, as far as this room needs it."""

    @property
    def name(self) -> str:
        """The client's name."""
        ...

    def snapshot(self) -> State:
        """Return the state of everything as plain values."""
        ...

    def isolate(self, node: object, *, reason: str | None = None) -> None:
        """Keep calls away from a node."""
        ...

    def release(self, node: object) -> None:
        """Let calls go to a node again."""
        ...

    def reload(self) -> Any:
        """Read the profile's files again."""
        ...


class Sampler:
    """Takes the client's state, at most once in `MEMORY_S` for all readers together.

    Args:
        watched: returns the client's `Resilience`; None once the client is gone.
        allowed: the orders that readers may give, as a part of the state.
    """

    def __init__(
        self, watched: Callable[[], Watched | None], allowed: frozenset[str] = frozenset()
    ) -> None:
        self.watched = watched
        self._allowed = sorted(allowed)
        # Swapped as one, and read without a lock: two readers may take a sample each.
        self._last: tuple[float, State | None] = (-1.0, None)

    def sample(self) -> State | None:
        """Return the state now; None once the client is gone."""
        now = time.monotonic()
        taken, last = self._last
        if last is not None and now - taken < MEMORY_S:
            return last
        watched = self.watched()
        if watched is None:
            return None
        state = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "process": {"pid": os.getpid(), **_host()},
            "allowed": self._allowed,
            **watched.snapshot(),
        }
        self._last = (now, state)
        return state


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> State:
    """Return the parts of a state that differ from an earlier one; when it was taken is no part."""
    return {name: part for name, part in after.items() if name != "at" and before.get(name) != part}


def encoded(state: Any) -> bytes:
    """Return JSON in one line."""
    return json.dumps(state, separators=(",", ":"), default=str).encode()


@functools.cache
def _host() -> State:
    try:
        version = importlib.metadata.version("aerospike-resilience")
    except importlib.metadata.PackageNotFoundError:  # imported from a directory
        version = ""
    return {"host": os.uname().nodename, "version": version}
