"""Rows: the interface through which the chain reads and changes the rows of a batch call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from .failure import OVERLOAD, Failure
from .operation import Key

if TYPE_CHECKING:
    from .plan import Plan


class ExpectedWrite(NamedTuple):
    """What a conditional write expects and writes, for a later comparison with its record.

    Attributes:
        generation: the generation that it expects; 0 if it only creates.
        bins: the bins that it writes.
    """

    generation: int
    bins: Mapping[str, Any]


def worst_of(failures: Iterable[Failure]) -> Failure:
    """Return the worst of the failures of a batch's rows. Overload is the worst: it limits all retries."""
    return max(failures, key=lambda failure: (failure.retryable, failure.kind is OVERLOAD))


class BatchCall(NamedTuple):
    """A batch call's plan and arguments, as the application gave them.

    Attributes:
        plan: the operation, resolved.
        args: positional arguments, without a policy.
        kwargs: keyword arguments, without a policy.
    """

    plan: Plan
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    @property
    def rows(self) -> Any:
        """The keys or records of all rows."""
        return self.arguments[self.plan.operation.rows]

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments by name."""
        return self.plan.operation.bind(self.args, self.kwargs)

    def with_arguments(
        self, changed: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """Return the arguments with some of them changed, by name."""
        names = self.plan.operation.parameters
        args = tuple(
            changed.get(name, value) for name, value in zip(names, self.args, strict=False)
        )
        return args, {name: changed.get(name, value) for name, value in self.kwargs.items()}


class Rows(Protocol):
    """An adapter's access to the rows of a batch call whose rows fail one by one."""

    indivisible: bool
    """Whether failed rows can only be sent again with all others, as the client's result of some rows
    cannot be merged into the result of all."""

    def rows_in_error(self, error: Exception) -> Any:
        """Return the result that an error carries; None if it carries none."""
        ...

    def attach_rows(self, error: Exception, result: Any) -> None:
        """Attach a result to an error."""
        ...

    def keys(self, result: Any) -> Sequence[Key]:
        """Return the key of every row of a result."""
        ...

    def sent(self, batch: BatchCall) -> Sequence[Key]:
        """Return the key of every row that a call is about to send."""
        ...

    def size(self, batch: BatchCall) -> int:
        """Return how many rows a call is about to send."""
        ...

    def with_refused_rows(
        self, batch: BatchCall, part: Any, kept: Sequence[int], refusal: Exception
    ) -> Any:
        """Return the rows of a whole batch: the sent and the refused ones.

        Args:
            batch: the batch as it was called.
            part: the result of the rows that were sent.
            kept: their positions in the batch.
            refusal: why the others were not sent.
        """
        ...

    def finish_with_refused_rows(
        self, batch: BatchCall, part: Any, kept: Sequence[int], refusal: Exception
    ) -> Any:
        """Return `with_refused_rows` as the client returns a batch with failed rows, or raise."""
        ...

    def failures(self, result: Any) -> Mapping[int, Failure]:
        """Return the failures of the failed rows, by position; a missing record is no failure."""
        ...

    def whole(self, result: Any) -> Failure | None:
        """Return the failure of the batch as a whole, where its code says more than the rows' codes."""
        ...

    def repeatable(self, batch: BatchCall, result: Any, index: int) -> bool:
        """Return whether a row may be applied twice."""
        ...

    def all_repeatable(self, batch: BatchCall) -> bool:
        """Return whether every row may be applied twice."""
        ...

    def narrowed(
        self, batch: BatchCall, result: Any, indexes: Sequence[int]
    ) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """Return the arguments of a call for some rows only; `result` may be the given rows themselves."""
        ...

    def merge(self, result: Any, part: Any, indexes: Sequence[int]) -> None:
        """Merge the rows of a narrowed call's result into the first result."""
        ...

    def mark_in_doubt(self, result: Any, index: int) -> None:
        """Mark a row as possibly applied by an earlier attempt."""
        ...
