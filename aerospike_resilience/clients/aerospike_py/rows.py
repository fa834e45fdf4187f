"""The rows of the batch calls of ``aerospike-py``: which failed, and how to send only those again.

A writing batch returns ``BatchWriteResult`` with a list of rows in the order of the keys. A batch
whose node does not answer raises for the whole batch and carries no row. ``batch_read`` returns an
object that only the client can make, so its rows are sent again all together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ...model.failure import Failure, FailureKind
from ...model.operation import Key, Operation
from ...model.rows import BatchCall
from .failures import MAX_ERROR_RATE, classify_code
from .idempotence import row_repeatable

TIMEOUT: Final = 9
"""What a row is told to have that nobody answered."""


class AerospikePyRows:
    """Rows of one writing batch operation.

    Args:
        operation: the operation.
    """

    indivisible = False

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self._unanswered = Failure(
            FailureKind.TIMEOUT, retryable=True, in_doubt=operation.writes, code=TIMEOUT
        )

    def rows_in_error(self, error: Exception) -> Any:  # noqa: ARG002
        """Return nothing: no error of this client's carries rows."""
        return None

    def attach_rows(self, error: Exception, result: Any) -> None:
        """Do nothing: no error of this client's carries rows."""

    def keys(self, result: Any) -> Sequence[Key]:
        """Return the key of every row of a result."""
        return [row.key for row in result.batch_records]

    def sent(self, batch: BatchCall) -> Sequence[Key]:
        """Return the key of every row that a call is about to send."""
        match self._operation.rows:
            case "records":
                return [row[0] for row in batch.rows]
            case "data":
                arguments = batch.arguments
                field = arguments.get("key_field", "_key")
                place = (arguments["namespace"], arguments["set_name"])
                return [(*place, key) for key in batch.rows[field].tolist()]
            case _:
                return batch.rows  # type: ignore[no-any-return]

    def with_refused_rows(
        self,
        batch: BatchCall,
        part: Any,
        kept: Sequence[int],
        refusal: Exception,  # noqa: ARG002
    ) -> Any:
        """Return the rows of a whole batch; those that were refused have a code of their own."""
        from aerospike_py.types import AerospikeKey, BatchRecord

        sent = dict(zip(kept, part.batch_records, strict=True))
        rows = [
            sent[index]
            if index in sent
            else BatchRecord(AerospikeKey(key[0], key[1], key[2], b""), MAX_ERROR_RATE, None)
            for index, key in enumerate(self.sent(batch))
        ]
        return part._replace(batch_records=rows)

    def finish_with_refused_rows(
        self,
        batch: BatchCall,
        part: Any,
        kept: Sequence[int],
        refusal: Exception,
    ) -> Any:
        """Return the whole batch: this client raises for no row that was answered."""
        return self.with_refused_rows(batch, part, kept, refusal)

    def failures(self, result: Any) -> dict[int, Failure]:
        """Return what the failed rows' codes mean, by position. "Not found" is an answer.

        Of rows that one node refused together only the first has its code. The others look like
        successes, but for the record that every success has.
        """
        return {
            index: classify_code(
                row.result, in_doubt=bool(row.in_doubt), writes=self._operation.writes
            )
            if row.result
            else self._unanswered
            for index, row in enumerate(result.batch_records)
            if row.result not in (0, 2) or _is_unanswered(row)
        }

    def repeatable(self, batch: BatchCall, result: Any, index: int) -> bool:  # noqa: ARG002
        """Return whether a row may be applied twice."""
        if self._operation.rows == "records":
            return not batch.plan.conditional and row_repeatable(batch.rows[index])
        return batch.plan.idempotent

    def all_repeatable(self, batch: BatchCall) -> bool:
        """Return whether every row may be applied twice."""
        return batch.plan.idempotent

    def whole(self, result: Any) -> Failure | None:  # noqa: ARG002
        """Return nothing: a batch of this client's has no code as a whole."""
        return None

    def narrowed(
        self,
        batch: BatchCall,
        result: Any,  # noqa: ARG002
        indexes: Sequence[int],
    ) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """Return the arguments of a call for some rows only; part of a NumPy array is one too."""
        rows = batch.rows
        if self._operation.rows == "data":
            fresh = rows[list(indexes)]
        else:
            fresh = [rows[index] for index in indexes]
        return batch.with_arguments({self._operation.rows: fresh})

    def merge(self, result: Any, part: Any, indexes: Sequence[int]) -> None:
        """Put the rows of a narrowed call's result in their places in the first result."""
        for index, row in zip(indexes, part.batch_records, strict=True):
            result.batch_records[index] = row

    def mark_in_doubt(self, result: Any, index: int) -> None:
        """Say that a row may have been applied by an earlier attempt."""
        row = result.batch_records[index]
        result.batch_records[index] = row._replace(result=row.result or TIMEOUT, in_doubt=True)


class AerospikePyReadRows(AerospikePyRows):
    """Rows of ``batch_read``."""

    indivisible = True

    def failures(self, result: Any) -> dict[int, Failure]:
        """Return what the failed rows' codes mean, by position. "Not found" is an answer.

        Where every record was found, no row is looked at: the client makes them when they are asked for.
        """
        if result.found_count() == len(result.all_user_keys()):
            return {}
        return super().failures(result)


def _is_unanswered(row: Any) -> bool:
    return row.result == 0 and row.record is None
