"""One file has every name, unit and attribute; what is exported is in it, and what is in it is exported."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from aerospike_resilience.interceptors.gate.queue import REASONS
from aerospike_resilience.model.outcome import OutcomeKind
from aerospike_resilience.telemetry import registry

OURS = re.compile(r"(db|server|network\.peer|error|aerospike)(\.[a-z][a-z_]*)+")


@pytest.mark.parametrize("name", [*registry.METRICS, *registry.SPAN_ATTRIBUTES])
def test_every_name_is_namespaced_and_in_snake_case(name):
    assert OURS.fullmatch(name)


@pytest.mark.parametrize(("name", "metric"), registry.METRICS.items())
def test_no_unit_renames_a_metric_on_its_way(name, metric):
    """The Collector and Prometheus add `_ratio` to a gauge of unit 1."""
    assert metric.unit == "s" or re.fullmatch(r"\{[a-z]+\}", metric.unit), name
    assert metric.description.endswith("."), name


def test_the_words_of_outcomes_and_of_the_gate_are_those_of_the_code():
    assert get_args(OutcomeKind) == registry.OUTCOMES
    assert set(registry.GATE_OUTCOMES) == {"granted", *REASONS}
