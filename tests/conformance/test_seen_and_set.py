"""The contract for every client: what is told of calls, and what policy files change."""

from __future__ import annotations

import pytest

from aerospike_resilience import (
    PolicyFileError,
)
from tests.interceptors.test_telemetry import Collected
from tests.patience import NEVER_LATE
from tests.waiting import until

SECRET = "a-key-nobody-may-see"

MINE = """
version: 1
extends: latency
policy:
  reads: {{{}, socket_timeout: 10s}}
  writes_retryable: {{total_timeout: 60s, socket_timeout: 10s}}
adaptive_timeout: null
"""


# ----- 8. one operation, one span, one sample


def test_one_operation_is_one_span_and_one_sample(healthy, opened):
    found = Collected()
    surface = opened(
        tracer_provider=found.tracers, meter_provider=found.meters, overrides=NEVER_LATE
    )
    surface.put(1, {"n": 1})
    found.exporter.clear()

    with healthy.inject(op="get", code=18, count=1):
        surface.get(1)

    (span,) = found.spans
    assert span.attributes["db.system.name"] == "aerospike"
    assert span.attributes["db.operation.name"] == "get"
    assert span.attributes["db.collection.name"] == "conformance"
    samples = [
        point.count
        for point in found.points("db.client.operation.duration")
        if point.attributes["db.operation.name"] == "get"
    ]
    assert samples == [1]


# ----- 9. bad policy files


def test_a_bad_policy_file_changes_nothing(tmp_path, opened):
    file = tmp_path / "mine.yaml"
    file.write_text(MINE.format("total_timeout: 11111ms"))
    surface = opened(profile="mine", policies=tmp_path)

    file.write_text(MINE.format("total_timout: 22222ms"))
    error = surface.resilience.reload().error

    assert isinstance(error, PolicyFileError)
    assert "total_timeout" in str(error)
    assert surface.resilience.explain("get").value("total_timeout") == 11_111
    surface.put(1, {"n": 1})
    assert surface.get(1) == {"n": 1}

    file.write_text(MINE.format("total_timeout: 33333ms"))
    surface.resilience.reload()
    assert surface.resilience.explain("get").value("total_timeout") == 33_333
    assert surface.get(1) == {"n": 1}


# ----- 11. no secrets


def test_no_key_is_told(healthy, opened):
    found = Collected()
    surface = opened(
        tracer_provider=found.tracers, meter_provider=found.meters, overrides=NEVER_LATE
    )
    surface.put(SECRET, {"n": 1})

    with healthy.inject(op="get", code=18), pytest.raises(surface.error) as caught:
        surface.get(SECRET)

    notes = [
        *getattr(caught.value, "__notes__", []),
        *getattr(caught.value.__cause__, "__notes__", []),
    ]
    told = " ".join([*(span.to_json() for span in found.spans), *notes])
    assert SECRET not in told
    assert SECRET not in str(surface.resilience.snapshot())


def test_a_changed_file_takes_effect_while_calls_go_on(tmp_path, opened):
    file = tmp_path / "mine.yaml"
    file.write_text(MINE.format("total_timeout: 11111ms"))
    surface = opened(profile="mine", policies=tmp_path)
    surface.put(1, {"n": 1})

    file.write_text(MINE.format("total_timeout: 22222ms"))

    def in_force() -> bool:
        assert surface.get(1) == {"n": 1}
        return surface.resilience.explain("get").value("total_timeout") == 22_222

    until(in_force)
