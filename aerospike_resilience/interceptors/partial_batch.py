"""Partial batches: only the rows that failed, and may be sent again, are sent again."""

from __future__ import annotations

from typing import Any

from ..call import Call


class PartialBatch:
    """A batch on its way through its attempts.

    The first attempt's result is the caller's; later attempts carry some rows only, and what they
    bring is put in its place there. Rows that succeeded are never sent twice.

    Args:
        call: the batch call; its arguments are narrowed from attempt to attempt.

    Attributes:
        result: the caller's result; None before the first attempt returned.
    """

    def __init__(self, call: Call) -> None:
        assert call.plan.rows is not None
        self._call = call
        self._rows = call.plan.rows
        self.result: Any = None
        self._sent: list[int] = []
        self._again: list[int] = []
        self._in_doubt: set[int] = set()

    def absorb(self, part: Any) -> bool:
        """Take in an attempt's result; return whether any row may be sent again."""
        rows, call = self._rows, self._call
        if self.result is None:
            self.result = part
            self._sent = list(range(len(rows.keys(part))))
        else:
            rows.merge(self.result, part, self._sent)
        sent = set(self._sent)
        failures = {
            index: failure for index, failure in rows.failures(self.result).items() if index in sent
        }
        for index in self._in_doubt & failures.keys():
            rows.mark_in_doubt(self.result, index)
        self._in_doubt |= {index for index, failure in failures.items() if failure.in_doubt}
        self._again = [
            index
            for index, failure in failures.items()
            if failure.retryable
            and (index not in self._in_doubt or rows.repeatable(call, self.result, index))
        ]
        return bool(self._again)

    def narrow(self) -> None:
        """Make the call one for the rows that are to be sent again."""
        self._sent = self._again
        call = self._call
        call.args, call.kwargs = self._rows.narrowed(call, self.result, self._sent)
