"""The rows of the batch calls of ``aerospike-native``: which failed, and how to send only those again.

A batch raises ``BatchFailedError`` if any row failed because of its node. The error's ``records`` holds
every row, even those that succeeded. Rows are read-only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ...model.annotations import set_attribute
from ...model.failure import Failure
from ...model.operation import Key, Operation
from ...model.rows import BatchCall
from ..shared.result_codes import ANSWERED, ServerCode
from ..shared.rows import CommonRows
from .failures import classify_row, result_code
from .idempotence import row_repeatable
from .package import native

_PARALLEL: Final = ("bins_list", "operations_list")
"""Parameters that hold one item for each key."""


class RefusedRow:
    """A row that was not sent. It has the attributes of a ``BatchRecord``, which only the client can make.

    Args:
        key: the row's key.
        server_message: why it was not sent.
    """

    record = None
    in_doubt = False
    sub_code = None
    exp_trace = None

    def __init__(self, key: Key, server_message: str) -> None:
        self.key = key
        self.server_message = server_message
        self.result_code = native().ResultCode.MAX_ERROR_RATE


class NativeRows(CommonRows):
    """Rows of one batch operation."""

    def __init__(self, operation: Operation) -> None:
        super().__init__(operation)
        self._of_ops = operation.rows == "ops"
        """Whether the rows are operations, whose keys cannot be read, and not keys."""

    def rows_in_error(self, error: Exception) -> Any:
        """Return the rows of a ``BatchFailedError``."""
        records = getattr(error, "records", None)
        return list(records) if records else None

    def attach_rows(self, error: Exception, result: Any) -> None:
        """Replace the rows that an error carries."""
        set_attribute(error, "records", result)

    def keys(self, result: Any) -> Sequence[Key]:
        """Return the key of every row of a result."""
        return [row.key for row in result]

    def sent(self, batch: BatchCall) -> Sequence[Key]:
        """Return the key of every row that a call is about to send; none if they cannot be read."""
        return () if self._of_ops else batch.rows

    def with_refused_rows(
        self, batch: BatchCall, part: Any, kept: Sequence[int], refusal: Exception
    ) -> Any:
        """Return the rows of a whole batch. Refused rows are each a `RefusedRow`."""
        sent = dict(zip(kept, part, strict=True))
        return [
            sent[index] if index in sent else RefusedRow(key, str(refusal))
            for index, key in enumerate(self.sent(batch))
        ]

    def finish_with_refused_rows(
        self, batch: BatchCall, part: Any, kept: Sequence[int], refusal: Exception
    ) -> Any:
        """Raise the refusal with all rows, as the client raises for a batch with failed ones."""
        self.attach_rows(refusal, self.with_refused_rows(batch, part, kept, refusal))
        raise refusal

    def failures(self, result: Any) -> dict[int, Failure]:
        """Return what the codes of the failed rows mean, by position. "Not found" is an answer."""
        return {
            index: classify_row(row)
            for index, row in enumerate(result)
            if result_code(row) not in ANSWERED
        }

    def repeatable(self, batch: BatchCall, result: Any, index: int) -> bool:
        """Return whether a row may be applied twice."""
        if self._of_ops:
            return row_repeatable(batch.rows[index])
        return super().repeatable(batch, result, index)

    def all_repeatable(self, batch: BatchCall) -> bool:
        """Return whether every row may be applied twice."""
        if self._of_ops:
            return all(map(row_repeatable, batch.rows))
        return super().all_repeatable(batch)

    def narrowed(
        self,
        batch: BatchCall,
        result: Any,  # noqa: ARG002
        indexes: Sequence[int],
    ) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """Return the arguments of a call for some rows only."""
        parallel = {
            name: [values[index] for index in indexes]
            for name in _PARALLEL
            if (values := batch.arguments.get(name)) is not None
        }
        rows = [batch.rows[index] for index in indexes]
        return batch.with_arguments({self._operation.rows: rows, **parallel})

    def merge(self, result: Any, part: Any, indexes: Sequence[int]) -> None:
        """Put the rows of a narrowed call's result in their places in the first result.

        Rows cannot be changed. So if only the row of the earlier attempt says "in doubt", that row stays.
        """
        for index, row in zip(indexes, part, strict=True):
            failed = result_code(row) != ServerCode.OK
            if not (failed and result[index].in_doubt and not row.in_doubt):
                result[index] = row

    def mark_in_doubt(self, result: Any, index: int) -> None:
        """Do nothing: `merge` kept the row that says so."""
