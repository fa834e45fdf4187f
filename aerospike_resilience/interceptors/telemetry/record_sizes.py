"""Record sizes: a link that measures records that are read or written, where the profile asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...model.call import Call
from ...model.record_size import record_size, size_of
from ...telemetry.durations import RecordSizes
from ..base import Link, LinkedAsync, Proceed, ProceedAsync


class RecordMeasure(Link):
    """Record the size of each single record that an operation returned, or wrote with all its bins.

    A batch, a query, a write of a part of a record and a call that failed have no sample.

    Args:
        sizes: where they go.
        place: from a key to its namespace and set; None if it is no key.
        on_broken: called with the step that an exporter made fail, and its exception.
    """

    __slots__ = ("_on_broken", "_place", "_sizes")

    def __init__(
        self,
        sizes: RecordSizes,
        place: Callable[[Any], tuple[str, str | None] | None],
        on_broken: Callable[[str, Exception], None],
    ) -> None:
        self._sizes = sizes
        self._place = place
        self._on_broken = on_broken

    def link(self, proceed: Proceed) -> Proceed:
        """Proceed, and measure the record."""

        def measured(call: Call) -> Any:
            result = proceed(call)
            self._measure(call, result)
            return result

        return measured

    def link_async(self, proceed: ProceedAsync) -> LinkedAsync:
        """Proceed, and measure the record."""

        async def measured(call: Call) -> Any:
            result = await proceed(call)
            self._measure(call, result)
            return result

        return measured

    def _measure(self, call: Call, result: Any) -> None:
        if call.key is None or call.inside:
            return
        try:
            size = _size(call, result)
            if size is not None:
                namespace, set_name = self._place(call.key) or ("", "")
                name = call.plan.operation.name
                self._sizes.add(size, name, namespace, set_name or "")
        except Exception as broken:  # noqa: BLE001 - telemetry must not make a call fail
            self._on_broken("the size of a record could not be recorded", broken)


def _size(call: Call, result: Any) -> int | None:
    operation = call.plan.operation
    if not operation.writes:
        return record_size(result)
    bins = operation.bind(call.args, call.kwargs).get("bins")
    return size_of(bins) if isinstance(bins, Mapping) else None
