"""Cells: where calls leave the samples of a histogram, until the SDK collects.

OpenTelemetry's ``Histogram.record`` costs 8 µs. Here a call appends its sample to its cell, of which there
is one for each set of attributes, and that is all. Samples are handed over to the SDK many at once: before
each collection, and by the call that fills a cell. What the SDK then exports is what ``record`` would have
made of them. Where the SDK is one that this library does not know from inside (`sdk.can_add`), a cell
calls ``record``.

An append to a deque is atomic, and so is the removal of one sample from its other end. So calls take no
lock, and no sample is lost or handed over twice. Whoever hands over holds the histogram's lock until the
SDK has the samples, so that a collection waits for those that are on their way.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from ..concurrency import forking
from . import sdk

FULL: Final = 1024
"""How many samples a cell holds before a call hands them over: 25 KB."""


class Cell:
    """Takes the samples that have the same attributes. Get one from `Histogram.cell`.

    Attributes:
        add: takes a sample. The hot function: bind it once, call it for each sample.
        samples: the samples that are not yet handed over.
        measurement: the attributes, as the SDK has them; None where ``record`` takes each sample.
        begun: whether the SDK has had a sample. The first is recorded, as the SDK notes with it when the
            series began.
    """

    __slots__ = ("add", "begun", "measurement", "samples")

    def __init__(self, histogram: Histogram, attributes: Mapping[str, Any]) -> None:
        self.samples: deque[float] = deque()
        self.measurement: Any = None
        self.begun = False
        self.add: Callable[[float], None]
        additions = histogram.additions
        if additions is None:
            self.add = _recording(histogram, attributes)
        else:
            self.measurement = additions.measurement(attributes)
            self.add = _collecting(histogram, additions, self, attributes)


class Histogram:
    """One histogram of a meter, with its cells.

    Args:
        histogram: the SDK's histogram.

    Attributes:
        record: the SDK's own function for one sample: value and attributes.
        additions: adds many samples at once; None where the SDK does not let us.
        readers: the SDK's readers, as they were when the samples in the cells were taken.
    """

    def __init__(self, histogram: Any) -> None:
        self.record: Callable[[float, Mapping[str, Any]], None] = histogram.record
        self.additions = sdk.Additions(histogram) if sdk.can_add(histogram) else None
        self.readers: Any = None if self.additions is None else self.additions.readers
        self._lock = threading.RLock()  # reentrant: a signal handler may make a call inside a call
        self._cells: dict[frozenset[tuple[str, Any]], Cell] = {}
        forking.register(self)

    def cell(self, attributes: Mapping[str, Any]) -> Cell:
        """Return the cell of a set of attributes. Keep it: looking it up costs more than using it."""
        index = frozenset(attributes.items())
        cell = self._cells.get(index)
        if cell is None:
            cell = self._cells.setdefault(index, Cell(self, dict(attributes)))
        return cell

    def add(self, value: float, attributes: Mapping[str, Any]) -> None:
        """Take one sample. For samples whose cell nobody keeps, such as those of failures."""
        self.cell(attributes).add(value)

    def hand_over(self) -> None:
        """Hand all samples over to the SDK. Called at the begin of each collection."""
        if self.additions is not None:
            with self._lock:
                for cell in list(self._cells.values()):
                    self._hand_over_locked(cell)
                self.readers = self.additions.readers

    def hand_over_cell(self, cell: Cell) -> None:
        """Hand the samples of a full cell over to the SDK."""
        with self._lock:
            self._hand_over_locked(cell)

    def after_fork(self) -> None:
        """Drop the samples of the parent, which hands them over itself, and the lock it may have held."""
        self._lock = threading.RLock()
        for cell in self._cells.values():
            cell.samples.clear()
            cell.begun = False

    def _hand_over_locked(self, cell: Cell) -> None:
        samples = cell.samples
        values = [samples.popleft() for _ in range(len(samples))]
        if values and self.additions is not None:
            self.additions.add(self.readers, cell.measurement, values)


def _recording(histogram: Histogram, attributes: Mapping[str, Any]) -> Callable[[float], None]:
    record = histogram.record

    def add(value: float) -> None:
        record(value, attributes)

    return add


def _collecting(
    histogram: Histogram, additions: sdk.Additions, cell: Cell, attributes: Mapping[str, Any]
) -> Callable[[float], None]:
    """Return a function that appends samples to a cell.

    The first sample is recorded, and so is one inside a sampled span, which may become an exemplar.
    """
    from opentelemetry.context import get_current
    from opentelemetry.trace.propagation import _SPAN_KEY

    record, samples, append = histogram.record, cell.samples, cell.samples.append
    traced, consumer = additions.samples_spans, additions.consumer

    def add(value: float) -> None:
        if not cell.begun or histogram.readers is not consumer._reader_storages:  # noqa: SLF001
            cell.begun = True
            histogram.hand_over()
            record(value, attributes)
            return
        if traced:
            span: Any = get_current().get(_SPAN_KEY)
            if span is not None and span.get_span_context().trace_flags & 1:
                if samples:  # a view may ask for the last one
                    histogram.hand_over_cell(cell)
                record(value, attributes)
                return
        append(value)
        if len(samples) >= FULL:
            histogram.hand_over_cell(cell)

    return add
