"""A word that a parent's more specific one beats is found, with both lines."""

from __future__ import annotations

import pytest

from aerospike_resilience.clients import adapter_named
from aerospike_resilience.profiles import PolicyLibrary
from aerospike_resilience.profiles.lint import examine


def findings(directory, child: str, parent: str | None = None, client: str = "aerospike") -> list:
    if parent is not None:
        (directory / "parent.yaml").write_text("version: 1\nextends: observe\n" + parent)
    base = "latency" if parent is None else "parent"
    (directory / "mine.yaml").write_text(f"version: 1\nextends: {base}\n" + child)
    profile = PolicyLibrary([directory]).load("mine")
    found = examine(profile, adapter_named(client), {})
    return [one for one in found if one.id in ("AR037", "AR038")]


BEATEN = {
    "writes by writes_retryable": (
        *("policy: {writes: {socket_timeout: 400ms}}\n", "socket_timeout", "put", "120ms"),
        "AR037",
    ),
    "writes by writes_batch": (
        *("policy: {writes: {total_timeout: 400ms}}\n", "total_timeout", "batch_write", "500ms"),
        "AR037",
    ),
    "all by reads": (
        *("policy: {all: {max_retries: 0}}\n", "max_retries", "get", "says 3"),
        "AR037",
    ),
    "reads by reads_query": (
        *("policy: {reads: {total_timeout: 80ms}}\n", "total_timeout", "query", "says 0"),
        "AR038",
    ),
}


@pytest.mark.parametrize(
    "client", ["aerospike", "aerospike-py", "aerospike-native", "aerospike-sdk"]
)
@pytest.mark.parametrize("name", BEATEN)
def test_a_wide_word_is_found_that_a_shipped_profile_beats(name, client, tmp_path):
    child, field, operation, strong, rule = BEATEN[name]
    found = [one for one in findings(tmp_path, child, client=client) if one.id == rule]

    own = [
        one for one in found if one.origin == f"{tmp_path}/mine.yaml:3" and strong in one.message
    ]
    assert own, found
    assert f".{field}: " in own[0].message
    assert "<shipped>/" in own[0].message
    if client == "aerospike":
        assert any(operation in one.message for one in own)


def test_what_is_said_at_the_specific_place_too_is_no_finding(tmp_path):
    child = (
        "policy:\n  writes: {socket_timeout: 400ms}\n  writes_retryable: {socket_timeout: 190ms}\n"
        "  writes_batch: {socket_timeout: 240ms}\n  writes_query: {socket_timeout: 30s}\n"
    )

    assert [one for one in findings(tmp_path, child) if "mine.yaml" in one.origin] == []


def test_the_same_value_is_no_finding(tmp_path):
    assert [
        one
        for one in findings(tmp_path, "policy: {writes: {socket_timeout: 120ms}}\n")
        if one.id == "AR037" and "120ms" in one.message.rpartition("says")[2]
    ] == []


def test_a_file_may_say_two_things_itself(tmp_path):
    child = "policy:\n  reads: {socket_timeout: 9ms}\n  reads_point: {socket_timeout: 8ms}\n"

    assert [one for one in findings(tmp_path, child) if "exists" in one.message] == []


PARENTS = {
    "an operation": "operations: {get: {total_timeout: 5ms}}\n",
    "a set": "sets: {test.s: {reads: {total_timeout: 5ms}}}\n",
    "a set with dots": 'sets: {"test:a.b": {reads: {total_timeout: 5ms}}}\n',
    "a namespace": "sets: {test: {all: {total_timeout: 5ms}}}\n",
    "a shape": "policy: {reads_point: {total_timeout: 5ms}}\n",
    "a consistency": "policy: {reads_sc: {total_timeout: 5ms}}\n",
}


@pytest.mark.parametrize("name", PARENTS)
def test_whatever_is_more_specific_in_a_parent_is_found(name, tmp_path):
    child = "policy:\n  reads: {total_timeout: 80ms}\n"
    found = [one for one in findings(tmp_path, child, PARENTS[name]) if one.id == "AR037"]

    assert [one.origin for one in found] == [f"{tmp_path}/mine.yaml:4"]
    assert "policy.reads.total_timeout: 80ms has no effect on " in found[0].message
    assert f"{tmp_path}/parent.yaml:3 says 5ms in " in found[0].message
    assert "total_timeout under " in found[0].fix


def test_what_code_says_beats_every_file_and_is_no_finding(tmp_path):
    profile = (
        PolicyLibrary().load("latency").with_overrides({"policy": {"all": {"max_retries": 0}}})
    )
    found = examine(profile, adapter_named("aerospike"), {})

    assert [one for one in found if one.id in ("AR037", "AR038")] == []
