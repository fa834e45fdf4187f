"""What the rows of all clients' batch calls have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from ...model.failure import Failure
from ...model.operation import Operation
from ...model.rows import BatchCall


class CommonRows(ABC):
    """The rows of a batch that the client returns even if rows of it failed.

    Args:
        operation: the operation.
    """

    indivisible = False

    def __init__(self, operation: Operation) -> None:
        self._operation = operation

    def rows_in_error(self, error: Exception) -> Any:  # noqa: ARG002
        """Return nothing: no error of this client carries rows."""
        return None

    def attach_rows(self, error: Exception, result: Any) -> None:  # noqa: B027 - most do nothing
        """Do nothing: no error of this client carries rows."""

    def size(self, batch: BatchCall) -> int:
        """Return how many rows a call is about to send."""
        return len(batch.rows)

    @abstractmethod
    def with_refused_rows(
        self, batch: BatchCall, part: Any, kept: Sequence[int], refusal: Exception
    ) -> Any:
        """Return the rows of a whole batch; see `Rows.with_refused_rows`."""

    def finish_with_refused_rows(
        self, batch: BatchCall, part: Any, kept: Sequence[int], refusal: Exception
    ) -> Any:
        """Return the whole batch: this client raises for no row that was answered."""
        return self.with_refused_rows(batch, part, kept, refusal)

    def whole(self, result: Any) -> Failure | None:  # noqa: ARG002
        """Return nothing: no code of the whole says more than the rows' codes."""
        return None

    def repeatable(self, batch: BatchCall, result: Any, index: int) -> bool:  # noqa: ARG002
        """Return whether a row may be applied twice: every row may, or none."""
        return batch.plan.idempotent

    def all_repeatable(self, batch: BatchCall) -> bool:
        """Return whether every row may be applied twice."""
        return batch.plan.idempotent
