"""Names in Prometheus are those that the Python exporter makes, and that OTLP's receiver makes."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry, generate_latest

from aerospike_resilience.telemetry.prometheus import label, series
from aerospike_resilience.telemetry.registry import METRICS
from tests.telemetry.prometheus import OWN_REGISTRY, reader_into


@pytest.mark.skipif(not OWN_REGISTRY, reason="needs opentelemetry-exporter-prometheus 0.63b0")
def test_the_exporter_makes_the_same_names_of_every_metric():
    found = CollectorRegistry()
    provider = MeterProvider([reader_into(found)])
    meter = provider.get_meter("aerospike_resilience")
    for name, metric in METRICS.items():
        attributes = dict.fromkeys(metric.attributes, "x")
        match metric.instrument:
            case "histogram":
                meter.create_histogram(name, unit=metric.unit).record(1, attributes)
            case "counter":
                meter.create_counter(name, unit=metric.unit).add(1, attributes)
            case "up-down counter":
                meter.create_up_down_counter(name, unit=metric.unit).add(1, attributes)
            case "gauge":
                meter.create_gauge(name, unit=metric.unit).set(1, attributes)
    text = generate_latest(found).decode()
    provider.shutdown()

    for name, metric in METRICS.items():
        ending = "_count" if metric.instrument == "histogram" else ""
        (line,) = [one for one in text.splitlines() if one.startswith(f"{series(name)}{ending}{{")]
        for attribute in metric.attributes:
            assert f'{label(attribute)}="x"' in line
