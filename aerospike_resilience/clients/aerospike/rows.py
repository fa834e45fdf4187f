"""The rows of the C client's batch calls: which failed, and how to send only those again.

A batch call never raises for a row. ``batch_write`` fills the caller's own records in place; the other
calls return a new ``BatchRecords`` in the order of the keys. Rows of a node that did not answer have code
-15. The ``result`` of the whole is the code of its worst row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...model.failure import Failure
from ...model.operation import Key, Operation
from ...model.rows import BatchCall
from ..shared.result_codes import ANSWERED, ServerCode
from ..shared.rows import CommonRows
from .failures import BATCH_FAILED, MAX_ERROR_RATE, classify_code
from .idempotence import row_repeatable


class AerospikeRows(CommonRows):
    """Rows of one batch operation."""

    def __init__(self, operation: Operation) -> None:
        super().__init__(operation)
        self._in_place = operation.rows == "batch_records"

    def keys(self, result: Any) -> Sequence[Key]:
        """Return the key of every row of a result."""
        return [row.key for row in result.batch_records]

    def sent(self, batch: BatchCall) -> Sequence[Key]:
        """Return the key of every row that a call is about to send."""
        return [row.key for row in batch.rows.batch_records] if self._in_place else batch.rows

    def size(self, batch: BatchCall) -> int:
        """Return how many rows a call is about to send."""
        return len(batch.rows.batch_records if self._in_place else batch.rows)

    def with_refused_rows(
        self, batch: BatchCall, part: Any, kept: Sequence[int], refusal: Exception
    ) -> Any:
        """Return the rows of a whole batch. Refused rows have the code of a tripped breaker."""
        if self._in_place:
            whole, rows = batch.rows, batch.rows.batch_records
        else:
            row_class = type(part.batch_records[0])
            rows = [row_class(key) for key in batch.rows]
            for index, row in zip(kept, part.batch_records, strict=True):
                rows[index] = row
            whole = type(part)(rows)
        for index in set(range(len(rows))) - set(kept):
            rows[index].result = MAX_ERROR_RATE
            rows[index].in_doubt = False
            rows[index].message = str(refusal)
        whole.result = BATCH_FAILED
        return whole

    def failures(self, result: Any) -> dict[int, Failure]:
        """Return what the codes of the failed rows mean, by position. "Not found" is an answer."""
        return {
            index: classify_code(row.result, in_doubt=bool(row.in_doubt))
            for index, row in enumerate(result.batch_records)
            if row.result not in ANSWERED
        }

    def whole(self, result: Any) -> Failure | None:
        """Return what the server's code of the whole means; None if it is no code of the server.

        Rows that an overloaded node refused say "no response"; only the whole has the node's code.
        """
        if result.result <= ServerCode.OK:
            return None
        return classify_code(result.result, in_doubt=False)

    def repeatable(self, batch: BatchCall, result: Any, index: int) -> bool:
        """Return whether a row may be applied twice."""
        if self._in_place:
            row = result.batch_records[index]
            return row_repeatable(row, conditional_by_default=batch.plan.conditional)
        return super().repeatable(batch, result, index)

    def all_repeatable(self, batch: BatchCall) -> bool:
        """Return whether every row may be applied twice."""
        if not self._in_place:
            return super().all_repeatable(batch)
        rows = range(len(batch.rows.batch_records))
        return all(self.repeatable(batch, batch.rows, index) for index in rows)

    def narrowed(
        self, batch: BatchCall, result: Any, indexes: Sequence[int]
    ) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """Return the arguments of a call for some rows only."""
        if self._in_place:
            fresh: Any = type(result)([result.batch_records[index] for index in indexes])
        else:
            fresh = [batch.rows[index] for index in indexes]
        return batch.with_arguments({self._operation.rows: fresh})

    def merge(self, result: Any, part: Any, indexes: Sequence[int]) -> None:
        """Put the rows of a narrowed call's result in their places in the first result."""
        for index, row in zip(indexes, part.batch_records, strict=True):
            before = result.batch_records[index]
            if row is not before:
                # Without a key of its own (a digest only), the caller's key comes back as given.
                result.batch_records[index] = row
        failed = any(row.result not in ANSWERED for row in result.batch_records)
        if part is not result:  # a row that failed for good keeps the code of the whole
            result.result = (part.result or BATCH_FAILED) if failed else ServerCode.OK.value

    def mark_in_doubt(self, result: Any, index: int) -> None:
        """Mark a row as one that an earlier attempt may have applied."""
        result.batch_records[index].in_doubt = True
