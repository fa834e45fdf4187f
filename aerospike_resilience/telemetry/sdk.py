"""The one place that knows OpenTelemetry's SDK from inside: it adds many samples of a histogram at once.

The SDK's ``Histogram.record`` takes one sample, and 8 µs for it. No public way takes several. So samples
are added where ``record`` would have added them: to the aggregation of each reader and view. That is done
only while the SDK's own functions on that way are those that were read for this file (`can_add`); with any
other SDK the histogram's ``record`` is called for each sample.
"""

from __future__ import annotations

import functools
import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from types import CodeType
from typing import Any, Final, TypeAlias

Attributes: TypeAlias = Mapping[str, Any]

_WAY: Final[Mapping[str, frozenset[str]]] = {
    "Histogram.record": frozenset(
        {
            *("_is_enabled", "_logger", "_measurement_consumer", "consume_measurement", "isfinite"),
            *(
                "get_current",
                "math",
                "name",
                "Measurement",
                "record",
                "super",
                "time_ns",
                "warning",
            ),
        }
    ),
    "SynchronousMeasurementConsumer.consume_measurement": frozenset(
        {
            *("_reader_storages", "_sdk_config", "attributes", "consume_measurement", "context"),
            *("exemplar_filter", "should_sample", "time_unix_nano", "value", "values"),
        }
    ),
    "MetricReaderStorage.consume_measurement": frozenset(
        {"_get_or_init_view_instrument_match", "consume_measurement", "instrument"}
    ),
    "_ViewInstrumentMatch.consume_measurement": frozenset(
        {
            *("_attribute_keys", "_attributes_aggregation", "_get_or_create_aggregation", "_lock"),
            *("_hash_attributes", "_reset_on_collect", "_view", "aggregate", "attributes"),
            *("dict", "get", "items"),
        }
    ),
    "_ViewInstrumentMatch._get_or_create_aggregation": frozenset(
        {
            *("DefaultAggregation", "_OVERFLOW_ATTRIBUTES", "_OVERFLOW_KEY", "__class__"),
            *(
                "_aggregation",
                "_attributes_aggregation",
                "_cardinality_limit",
                "_instrument",
                "_view",
            ),
            *(
                "_create_aggregation",
                "_exemplar_reservoir_factory",
                "_instrument_class_aggregation",
            ),
            *("_previous_collection_start_nanos", "dict", "get", "isinstance", "len", "time_ns"),
        }
    ),
    "_ViewInstrumentMatch.collect": frozenset(
        {
            *("AggregationTemporality", "DELTA", "_attributes_aggregation", "_lock", "append"),
            *("_previous_collection_start_nanos", "_reset_on_collect", "collect", "values"),
        }
    ),
    "_ExplicitBucketHistogramAggregation.aggregate": frozenset(
        {
            *(
                "_boundaries",
                "_get_empty_bucket_counts",
                "_lock",
                "_max",
                "_min",
                "_record_min_max",
            ),
            *("_sample_exemplar", "_sum", "_value", "bisect_left", "max", "min", "value"),
        }
    ),
}
"""The functions between ``record``, an aggregation and a collection, and every name that each uses."""


@functools.cache
def _parts() -> dict[str, Any] | None:
    """Return the SDK's classes on that way; None where the SDK is another, or there is none."""
    try:
        from opentelemetry.sdk.metrics._internal import (
            _view_instrument_match,
            aggregation,
            instrument,
            measurement,
            measurement_consumer,
            metric_reader_storage,
        )
        from opentelemetry.sdk.metrics._internal.exemplar import exemplar_filter

        parts = {
            "Histogram": instrument.Histogram,
            "_Histogram": instrument._Histogram,  # noqa: SLF001
            "Measurement": measurement.Measurement,
            "SynchronousMeasurementConsumer": measurement_consumer.SynchronousMeasurementConsumer,
            "MetricReaderStorage": metric_reader_storage.MetricReaderStorage,
            "_ViewInstrumentMatch": _view_instrument_match._ViewInstrumentMatch,  # noqa: SLF001
            "_ExplicitBucketHistogramAggregation": aggregation._ExplicitBucketHistogramAggregation,  # noqa: SLF001
            "_DropAggregation": aggregation._DropAggregation,  # noqa: SLF001
            "hash": _view_instrument_match._hash_attributes,  # noqa: SLF001
            "TraceBased": exemplar_filter.TraceBasedExemplarFilter,
            "AlwaysOff": exemplar_filter.AlwaysOffExemplarFilter,
        }
        for way, names in _WAY.items():
            cls, _, method = way.partition(".")
            if _names(getattr(parts[cls], method).__code__) != names:
                return None
    except (ImportError, AttributeError):
        return None
    return parts


def _names(code: CodeType) -> frozenset[str]:
    """Return every global and attribute that a function uses, its comprehensions included."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= _names(constant)
    return frozenset(found)


def can_add(histogram: object) -> bool:
    """Return whether `Additions` can be made for a histogram."""
    parts = _parts()
    if parts is None or type(histogram) is not parts["_Histogram"]:
        return False
    consumer: Any = getattr(histogram, "_measurement_consumer", None)
    if type(consumer) is not parts["SynchronousMeasurementConsumer"]:
        return False
    return type(consumer._sdk_config.exemplar_filter) in (  # noqa: SLF001
        parts["TraceBased"],
        parts["AlwaysOff"],
    )


class Additions:
    """Adds samples to one histogram of the SDK, many at once.

    Args:
        histogram: the histogram; `can_add` must have said yes.

    Attributes:
        samples_spans: whether a sample inside a sampled span is an exemplar, so that ``record`` must be
            called for it.
    """

    def __init__(self, histogram: Any) -> None:
        parts = _parts()
        assert parts is not None
        self._parts: dict[str, Any] = parts
        self._histogram = histogram
        self.consumer: Any = histogram._measurement_consumer  # noqa: SLF001
        exemplars = self.consumer._sdk_config.exemplar_filter  # noqa: SLF001
        self.samples_spans = type(exemplars) is parts["TraceBased"]

    @property
    def readers(self) -> Any:
        """What stores samples for each reader. Another object once a reader was added or removed."""
        return self.consumer._reader_storages  # noqa: SLF001

    def measurement(self, attributes: Attributes) -> Any:
        """Return a sample as the SDK has it, with its attributes checked; its value is of no account."""
        from opentelemetry.context import Context

        return self._parts["Measurement"](0.0, 0, self._histogram, Context(), dict(attributes))

    def add(self, readers: Any, measurement: Any, values: Sequence[float]) -> None:
        """Add samples that have the same attributes.

        Args:
            readers: `readers` at the time of the samples.
            measurement: their attributes, from `measurement`.
            values: their values, in the order in which they came.
        """
        if not self._histogram._is_enabled():  # noqa: SLF001
            return
        good, ordered = _checked(values)
        for storage in list(readers.values()):
            for match in storage._get_or_init_view_instrument_match(self._histogram):  # noqa: SLF001
                self._add_to_match(match, measurement, good, ordered)

    def _add_to_match(
        self, match: Any, measurement: Any, values: Sequence[float], ordered: Sequence[float]
    ) -> None:
        attributes = dict(measurement.attributes or {})
        kept = match._view._attribute_keys  # noqa: SLF001
        if kept is not None:
            attributes = {name: value for name, value in attributes.items() if name in kept}
        index = self._parts["hash"](attributes)
        with match._lock:  # noqa: SLF001 - so that no collection drops the aggregation meanwhile
            aggregation = match._get_or_create_aggregation(index, attributes)  # noqa: SLF001
            kind = type(aggregation)
            if kind is self._parts["_ExplicitBucketHistogramAggregation"]:
                _add_to_buckets(aggregation, ordered)
            elif kind is not self._parts["_DropAggregation"]:
                self._aggregate(aggregation, measurement, values)

    def _aggregate(self, aggregation: Any, measurement: Any, values: Sequence[float]) -> None:
        """Add samples to an aggregation that a view chose, one by one."""
        make, context = self._parts["Measurement"], measurement.context
        for value in values:
            one = make(value, 0, self._histogram, context, measurement.attributes)
            aggregation.aggregate(one, should_sample_exemplar=False)


def forget(instruments: Iterable[Any]) -> None:
    """Have instruments begin at zero for every reader, in a forked child: the parent tells what was before.

    Where the SDK is not the one that was read for this file, nothing is forgotten.
    """
    parts = _parts()
    for instrument in instruments if parts is not None else ():
        consumer: Any = getattr(instrument, "_measurement_consumer", None)
        if type(consumer) is parts["SynchronousMeasurementConsumer"]:  # type: ignore[index]
            for storage in list(consumer._reader_storages.values()):  # noqa: SLF001
                storage._instrument_view_instrument_matches.pop(instrument, None)  # noqa: SLF001


def _checked(values: Sequence[float]) -> tuple[Sequence[float], Sequence[float]]:
    """Return the values that ``record`` would take, as they came and in order of size."""
    ordered = sorted(values)
    if ordered[0] >= 0.0 and math.isfinite(ordered[-1]) and math.isfinite(ordered[0]):
        return values, ordered
    good = [value for value in values if math.isfinite(value) and value >= 0.0]
    return good, sorted(good)


def _add_to_buckets(aggregation: Any, ordered: Sequence[float]) -> None:
    """Add values to a histogram of explicit buckets, as its ``aggregate`` does one by one."""
    if not ordered:
        return
    with aggregation._lock:  # noqa: SLF001
        if aggregation._value is None:  # noqa: SLF001
            aggregation._value = aggregation._get_empty_bucket_counts()  # noqa: SLF001
        counts, bounds = aggregation._value, aggregation._boundaries  # noqa: SLF001
        ends = [0, *(bisect_right(ordered, bound) for bound in bounds), len(ordered)]
        for bucket, (begin, end) in enumerate(pairwise(ends)):
            counts[bucket] += end - begin
        aggregation._sum += sum(ordered)  # noqa: SLF001
        if aggregation._record_min_max:  # noqa: SLF001
            aggregation._min = min(aggregation._min, ordered[0])  # noqa: SLF001
            aggregation._max = max(aggregation._max, ordered[-1])  # noqa: SLF001
