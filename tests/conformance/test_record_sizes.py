"""The contract for every client: record sizes on request, and nothing of them on the path without."""

from __future__ import annotations

import pytest

from aerospike_resilience.telemetry import registry
from tests.telemetry.exported import Exported

TEXT = "x" * 3000
SIZE = len("text") + len(TEXT)


@pytest.mark.parametrize("wanted", [True, False], ids=["on", "off"])
def test_records_that_are_read_or_written_whole_are_measured(opened, wanted):
    found = Exported()
    surface = opened(
        meter_provider=found.provider, overrides={"telemetry": {"record_size": wanted}}
    )

    surface.put("measured", {"text": TEXT})
    surface.get("measured")
    surface.get("measured")
    with pytest.raises(surface.missing):
        surface.get("nobody")

    points = [
        point
        for metric in found.metrics()
        if metric.name == registry.RECORD_SIZE
        for point in metric.data.data_points
    ]
    measured = {
        point.attributes[registry.DB_OPERATION]: (point.count, point.sum) for point in points
    }
    assert surface.resilience._engine.runtime.lane.open is not wanted  # calls stay fused without
    if not wanted:
        assert measured == {}
        return
    assert measured["get"] == (2, 2 * SIZE)
    assert measured["put"] == (1, SIZE)
    assert {point.attributes[registry.DB_COLLECTION] for point in points} == {"conformance"}
