"""The rows of the batch calls of ``aerospike-py``: which failed, and how to send only those again.

A writing batch returns ``BatchWriteResult`` with a list of rows in the order of the keys. If a node does
not answer, the call raises for the whole batch, and the error carries no row. ``batch_read`` returns an
object that only the client can make, so its rows are sent again all together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ...model.failure import Failure, FailureKind, Fault
from ...model.operation import Key, Operation
from ...model.rows import BatchCall
from ..shared.result_codes import ANSWERED, ServerCode, failure_of_kind
from ..shared.rows import CommonRows
from .failures import MAX_ERROR_RATE, classify_code
from .idempotence import row_repeatable

UNANSWERED: Final = ServerCode.TIMEOUT.value
"""The code that this library gives a row without an answer."""


class AerospikePyRows(CommonRows):
    """Rows of one writing batch operation."""

    def __init__(self, operation: Operation) -> None:
        super().__init__(operation)
        self._unanswered = failure_of_kind(
            FailureKind.TIMEOUT, UNANSWERED, in_doubt=operation.writes, fault=Fault.NOBODY
        )

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
        """Return the rows of a whole batch. Refused rows have the code of a tripped breaker."""
        from aerospike_py.types import AerospikeKey, BatchRecord

        sent = dict(zip(kept, part.batch_records, strict=True))
        rows = [
            sent[index]
            if index in sent
            else BatchRecord(AerospikeKey(key[0], key[1], key[2], b""), MAX_ERROR_RATE, None)
            for index, key in enumerate(self.sent(batch))
        ]
        return part._replace(batch_records=rows)

    def failures(self, result: Any) -> dict[int, Failure]:
        """Return what the codes of the failed rows mean, by position. "Not found" is an answer.

        If one node refuses several rows together, only the first of them has its code. The others look like
        successes, except that every success has a record.
        """
        return {
            index: classify_code(
                row.result, in_doubt=bool(row.in_doubt), writes=self._operation.writes
            )
            if row.result
            else self._unanswered
            for index, row in enumerate(result.batch_records)
            if row.result not in ANSWERED or _is_unanswered(row)
        }

    def repeatable(self, batch: BatchCall, result: Any, index: int) -> bool:
        """Return whether a row may be applied twice."""
        if self._operation.rows == "records":
            return not batch.plan.conditional and row_repeatable(batch.rows[index])
        return super().repeatable(batch, result, index)

    def narrowed(
        self,
        batch: BatchCall,
        result: Any,  # noqa: ARG002
        indexes: Sequence[int],
    ) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """Return the arguments of a call for some rows only. Rows may be a NumPy array."""
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
        """Mark a row as one that an earlier attempt may have applied."""
        row = result.batch_records[index]
        result.batch_records[index] = row._replace(result=row.result or UNANSWERED, in_doubt=True)


class AerospikePyReadRows(AerospikePyRows):
    """Rows of ``batch_read``."""

    indivisible = True

    def failures(self, result: Any) -> dict[int, Failure]:
        """Return what the codes of the failed rows mean, by position. "Not found" is an answer.

        If every record was found, no row is read: the client makes a row only when it is read.
        """
        if result.found_count() == len(result.all_user_keys()):
            return {}
        return super().failures(result)


def _is_unanswered(row: Any) -> bool:
    return row.result == ServerCode.OK and row.record is None
