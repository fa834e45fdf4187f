"""What an editor shows of every key of a policy file is there, and so."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from aerospike_resilience.profiles.descriptions import DESCRIPTIONS
from aerospike_resilience.profiles.json_schema import json_schema
from aerospike_resilience.profiles.schema import PolicyFile, known_keys
from aerospike_resilience.profiles.source import PolicySource
from aerospike_resilience.profiles.validate import problems_of
from tests.schema import validator

PLACES: dict[str, tuple[str, ...]] = {
    "PolicyFile": (),
    "PolicyFields": ("policy", "all"),
    "Scopes": ("policy",),
    "ConnectionSection": ("connection",),
    "SharedMemorySection": ("connection", "shm"),
    "RetrySection": ("retry",),
    "BudgetSection": ("retry", "budget"),
    "AdaptiveTimeoutSection": ("adaptive_timeout",),
    "BreakerSection": ("breaker",),
    "BackpressureSection": ("backpressure",),
    "TelemetrySection": ("telemetry",),
    "LintSection": ("lint",),
    "RolloutSection": ("rollout",),
}
"""Where a file has each section."""

PROPERTIES = 177
"""How many there are; a new one changes this number on purpose."""


@functools.cache
def properties() -> dict[tuple[str, str], dict[str, Any]]:
    schema = json_schema()
    parts = {**schema["$defs"], "PolicyFile": schema}
    return {
        (section, key): said
        for section, part in parts.items()
        for key, said in part["properties"].items()
    }


def file_with(section: str, key: str, value: Any) -> dict[str, Any]:
    """A policy file that says one thing."""
    data: Any = {key: value}
    if "rollout" in (section, key) or section == "RolloutSection":
        return {
            "version": 1,
            "extends": "base",
            **({"rollout": data} if section != "PolicyFile" else data),
        }
    for step in reversed(PLACES[section]):
        data = {step: data}
    return {"version": 1, **data}


def values() -> Iterator[tuple[str, str, Any]]:
    for (section, key), said in properties().items():
        yield from ((section, key, value) for value in (*said["examples"], said["default"]))


def test_every_property_has_a_description_a_default_and_an_example():
    for where, said in properties().items():
        assert said["description"][0].isalnum(), where
        assert said["description"].endswith("."), where
        assert "default" in said, where
        assert said["examples"], where
    assert len(properties()) == PROPERTIES


def test_every_section_and_key_is_described_and_nothing_else():
    assert {(section, key) for section, entries in DESCRIPTIONS.items() for key in entries} == set(
        properties()
    )
    for section, place in PLACES.items():
        if section in DESCRIPTIONS:
            assert set(known_keys(place, PolicyFile)) == set(DESCRIPTIONS[section])


def test_every_example_and_default_is_a_valid_value_of_its_key():
    for section, key, value in values():
        data = file_with(section, key, value)
        assert problems_of(PolicySource("file", data)) == [], (section, key, value)
        validator().validate(data)


def test_no_two_keys_of_a_section_are_described_alike():
    for section, entries in DESCRIPTIONS.items():
        told = [text for text, _example in entries.values()]
        assert len(set(told)) == len(told), section


@pytest.mark.parametrize(
    ("where", "default"),
    [
        (("AdaptiveTimeoutSection", "min"), "5ms"),
        (("BreakerSection", "silence"), "250ms"),
        (("ConnectionSection", "tend_interval"), "1s"),
        (("BackpressureSection", "operation_queue_timeout"), 0),
        (("RetrySection", "budget"), {"ratio": 0.1, "min_per_second": 10.0}),
        (("PolicyFields", "total_timeout"), None),
    ],
)
def test_a_default_is_written_as_a_file_writes_it(where, default):
    assert properties()[where]["default"] == default


def test_the_schema_itself_is_valid():
    jsonschema.Draft202012Validator.check_schema(json_schema())
