"""Partial batches: only the rows that failed, and may be sent again, are sent again."""

from __future__ import annotations

from typing import Any

from ...model.call import Call
from ...model.rows import BatchCall, worst_of


class PartialBatch:
    """A batch and the state of its rows between attempts.

    The caller gets the first attempt's result. Later attempts send some rows only, and their results are
    merged into the first. A row that succeeded is never sent again, except in reads whose results cannot
    be merged. Clients differ in how a batch with failed rows ends. Some return it, some raise an error
    that carries the rows, and some raise one without rows: then only the whole batch can be sent again.

    Args:
        call: the batch call; its arguments are narrowed from attempt to attempt.

    Attributes:
        again: whether anything may be sent again.
        error: what the last attempt raised, or the one that carried the rows; None if it returned.
    """

    def __init__(self, call: Call) -> None:
        assert call.plan.rows is not None
        self._call = call
        self._rows = call.plan.rows
        self._batch = BatchCall(call.plan, call.args, call.kwargs)
        self._result: Any = None
        self.error: Exception | None = None
        self._sent: list[int] | None = None
        """The rows of the last attempt; None for all."""
        self._again: list[int] = []
        self._in_doubt: set[int] = set()
        self._all_in_doubt = False
        self.again = False

    def absorb(self, part: Any) -> None:
        """Merge the result of an attempt."""
        rows = self._rows
        if self._sent is None:
            before = self._result
            if before is None or len(rows.failures(part)) < len(rows.failures(before)):
                self._result = part
            self.error = None
        else:
            rows.merge(self._result, part, self._sent)
        failures = self._failures()
        self._in_doubt |= {
            index for index, failure in failures.items() if failure.in_doubt or self._all_in_doubt
        }
        for index in self._in_doubt & failures.keys():
            rows.mark_in_doubt(self._result, index)
        self._again = [
            index
            for index, failure in failures.items()
            if failure.retryable and self._may_go_again(index)
        ]
        self.again = bool(self._again)

    def absorb_error(self, error: Exception) -> None:
        """Merge the error of an attempt, and the rows it carries."""
        part = self._rows.rows_in_error(error)
        if part is not None:
            self.absorb(part)
            self.error = error
        elif self._result is None:
            failure = self._call.failure
            self.error = error
            self._all_in_doubt |= failure is not None and failure.in_doubt
            self.again = failure is not None and (
                not self._all_in_doubt or self._all_may_go_again()
            )
        else:
            self._absorb_unanswered()

    def _absorb_unanswered(self) -> None:
        """Handle a later attempt without a result: its rows keep their failures, and may be in doubt."""
        failure = self._call.failure
        if self._sent is not None:
            if failure is not None and failure.in_doubt:
                self._in_doubt.update(self._sent)
                for index in self._sent:
                    self._rows.mark_in_doubt(self._result, index)
            self._again = [index for index in self._sent if self._may_go_again(index)]
        self.again = failure is not None and failure.retryable and bool(self._again)

    def _may_go_again(self, index: int) -> bool:
        if index not in self._in_doubt:
            return True
        declared = self._call.plan.declared_idempotent
        return (
            self._rows.repeatable(self._batch, self._result, index)
            if declared is None
            else declared
        )

    def _all_may_go_again(self) -> bool:
        declared = self._call.plan.declared_idempotent
        return self._rows.all_repeatable(self._batch) if declared is None else declared

    def outcome(self) -> Any:
        """End the batch: return its result, or raise what the client would have raised for it."""
        error, call = self.error, self._call
        failed = self._rows.failures(self._result) if self._result is not None else {}
        call.rows_failed = len(failed)
        whole = self._rows.whole(self._result) if failed else None
        said = [*failed.values(), *([whole] if whole is not None else [])]
        call.worst_row = worst_of(said) if failed else None
        if error is None or (self._result is not None and not failed):
            return self._result
        if self._result is not None:
            self._rows.attach_rows(error, self._result)
        call.raised = call.error = error
        raise error

    def narrow(self) -> None:
        """Reduce the call's arguments to the rows that are sent again."""
        if self._result is not None and not self._rows.indivisible:
            self._sent = self._again
            call = self._call
            call.args, call.kwargs = self._rows.narrowed(self._batch, self._result, self._sent)

    def _failures(self) -> dict[int, Any]:
        failures = dict(self._rows.failures(self._result))
        if self._sent is None:
            return failures
        sent = set(self._sent)
        return {index: failure for index, failure in failures.items() if index in sent}
