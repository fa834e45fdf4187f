"""Rows: what the chain must know of the rows of a batch call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from .failure import Failure
from .operation import Key

if TYPE_CHECKING:
    from .plan import Plan


class ExpectedWrite(NamedTuple):
    """What a conditional write wants, as far as a later look at its record can tell.

    Attributes:
        generation: the generation it expects; 0 if it only creates.
        bins: what it writes.
    """

    generation: int
    bins: Mapping[str, Any]


class BatchCall(NamedTuple):
    """What the application called a batch with.

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
    """An adapter's way to the rows of a batch call that fail one by one."""

    indivisible: bool
    """Whether failed rows can only be sent again with all others, as the client's result of a part could
    not be put into that of the whole."""

    def rows_in_error(self, error: Exception) -> Any:
        """Return the result that an error carries; None where it carries none."""
        ...

    def attach_rows(self, error: Exception, result: Any) -> None:
        """Have an error carry a result."""
        ...

    def keys(self, result: Any) -> Sequence[Key]:
        """Return the key of every row of a result."""
        ...

    def sent(self, batch: BatchCall) -> Sequence[Key]:
        """Return the key of every row that a call is about to send."""
        ...

    def with_refused_rows(
        self, batch: BatchCall, part: Any, kept: Sequence[int], refusal: Exception
    ) -> Any:
        """Return the rows of a whole batch: those that were sent, and those that were refused.

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
        """Return what the failed rows' codes mean, by position; a missing record is an answer."""
        ...

    def whole(self, result: Any) -> Failure | None:
        """Return what the code of the batch as a whole means, where it says more than its rows' do."""
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
        """Put the rows of a narrowed call's result in their places in the first result."""
        ...

    def mark_in_doubt(self, result: Any, index: int) -> None:
        """Say that a row may have been applied by an earlier attempt."""
        ...
