"""Open rows: how a batch treats rows that need an open node.

The profile's ``batch_on_open`` decides. Either the other rows are sent, and these get the code of a
tripped breaker; or the whole batch is refused. A batch is never used as a probe.
"""

from __future__ import annotations

from typing import Any

from ...errors import CircuitOpenError
from ...model.call import Call
from ...model.rows import BatchCall
from ...nodes import Admission


class OpenRows:
    """One attempt of a batch while some node is not closed.

    Args:
        call: the batch call; its arguments are narrowed to the rows that can be sent.
        admission: knows which rows need an open node.

    Raises:
        CircuitOpenError: every row needs an open node, or one does and the profile has the batch fail.
    """

    def __init__(self, call: Call, admission: Admission) -> None:
        assert call.plan.rows is not None
        self._rows = call.plan.rows
        self._batch = BatchCall(call.plan, call.args, call.kwargs)
        self._kept: list[int] = []
        self._refusal: CircuitOpenError | None = None
        if self._rows.indivisible:
            return
        try:
            keys = list(self._rows.sent(self._batch))
        except Exception:  # noqa: BLE001 - not a batch: the client raises the better error
            return
        refused = admission.refused_rows(call, keys)
        if not refused:
            return
        first = refused[min(refused)]
        self._refusal = admission.refusal(call, *first, rows=len(refused))
        if len(refused) == len(keys) or admission.whole_batches:
            raise self._refusal
        call.failure = call.raised = None  # the other rows are sent
        self._kept = [index for index in range(len(keys)) if index not in refused]
        call.args, call.kwargs = self._rows.narrowed(self._batch, self._batch.rows, self._kept)

    def completed(self, call: Call, part: Any) -> Any:
        """Return the result of all rows, from that of those that were sent.

        Raises:
            CircuitOpenError: with all rows, where the client raises for a batch with failed rows.
        """
        if self._refusal is None:
            return part
        call.args, call.kwargs = self._batch.args, self._batch.kwargs
        return self._rows.finish_with_refused_rows(self._batch, part, self._kept, self._refusal)

    def completed_error(self, call: Call, error: Exception) -> None:
        """Replace the sent rows that an error carries by all rows."""
        if self._refusal is None:
            return
        call.args, call.kwargs = self._batch.args, self._batch.kwargs
        part = self._rows.rows_in_error(error)
        if part is not None:
            whole = self._rows.with_refused_rows(self._batch, part, self._kept, self._refusal)
            self._rows.attach_rows(error, whole)
