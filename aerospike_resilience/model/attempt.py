"""Attempt: the record of one native call, as ``error.attempts`` shows it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from .failure import Failure


@dataclass(frozen=True, slots=True, init=False)
class Attempt:
    """One native call made for an operation, as ``error.attempts`` shows it.

    Attributes:
        number: 1 for the first.
        duration_s: from its start to its end, in seconds.
        tries: requests that it may have made on the wire (native retries included).
        failure: why it failed; for a batch, the worst row's failure. None for a success whose result the
            application's rule rejected.
        error: the class of the exception, or how many rows of a batch failed; never a key or a value.
        nodes: names of the nodes that hold the record, master first; empty if unknown.
        slept_s: how long was slept after it, in seconds.
    """

    number: int
    duration_s: float
    tries: int = 1
    failure: Failure | None = None
    error: str = ""
    nodes: tuple[str, ...] = ()
    slept_s: float = 0.0

    def __init__(
        self,
        number: int,
        duration_s: float,
        tries: int = 1,
        failure: Failure | None = None,
        error: str = "",
        nodes: tuple[str, ...] = (),
        slept_s: float = 0.0,
    ) -> None:
        # Written out, as a missing record makes one too: what `dataclass` writes takes twice as long.
        set_number, set_duration, set_tries, set_failure, set_error, set_nodes, set_slept = _SETTERS
        set_number(self, number)
        set_duration(self, duration_s)
        set_tries(self, tries)
        set_failure(self, failure)
        set_error(self, error)
        set_nodes(self, nodes)
        set_slept(self, slept_s)

    @property
    def node(self) -> str | None:
        """The name of the node that the client said failed; None if it named none."""
        return self.failure.node if self.failure is not None else None


_SETTERS: Final = tuple(getattr(Attempt, one.name).__set__ for one in fields(Attempt))
