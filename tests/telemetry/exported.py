"""What a meter provider exports, as plain values."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from aerospike_resilience.telemetry import registry

Series = tuple[tuple[str, Any], ...]


class Exported:
    """A provider, and what it exports of clients wrapped with it."""

    def __init__(self, **options: Any) -> None:
        self.reader = InMemoryMetricReader(**options)
        self.provider = MeterProvider([self.reader], shutdown_on_exit=False)

    def metrics(self) -> list[Any]:
        """Return the metrics of a new collection."""
        data = self.reader.get_metrics_data()
        scopes = [
            one for found in (data.resource_metrics if data else ()) for one in found.scope_metrics
        ]
        return [metric for scope in scopes for metric in scope.metrics]

    def series(self) -> dict[tuple[str, Series], float]:
        """Return the value of every series, by name and attributes without the client's name."""
        return {
            (metric.name, _attributes(point)): getattr(point, "value", getattr(point, "count", 0))
            for metric in self.metrics()
            for point in metric.data.data_points
        }

    def values(self, name: str) -> dict[tuple[Any, ...], float]:
        """Return the values of a metric by the values of its attributes, in the order of their names."""
        return {
            tuple(value for _, value in attributes): number
            for (metric, attributes), number in self.series().items()
            if metric == name
        }


def _attributes(point: Any) -> Series:
    return tuple(sorted((k, v) for k, v in point.attributes.items() if k != registry.CLIENT))
