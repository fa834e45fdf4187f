"""What an explanation is asked about must be there, and its values have units."""

from __future__ import annotations

import contextlib

import pytest

from aerospike_resilience import resilient
from aerospike_resilience.model.duration_text import duration_text, milliseconds
from aerospike_resilience.profiles import PolicyFileError, PolicyLibrary
from aerospike_resilience.profiles.spelling import typed, written
from tests.waiting import until


@pytest.fixture
def client(bare, tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "version: 1\nextends: latency\n"
        'sets: {test.sessions: {reads: {total_timeout: 80ms}}, "test:a.b": {reads: {total_timeout: 9ms}}}\n'
    )
    wrapped = resilient(bare, "mine", policies=tmp_path)
    with contextlib.closing(wrapped.resilience):
        wrapped.put(("test", "sessions", 1), {"n": 1})
        until(lambda: wrapped.resilience._engine.shared.health.maps.newest.namespaces)
        yield wrapped


def test_a_namespace_that_the_cluster_does_not_have_is_refused(client):
    with pytest.raises(ValueError, match="there is no namespace") as caught:
        client.resilience.explain("get", set="sessions")

    told = str(caught.value)
    assert 'set= is "namespace.set"; there is no namespace "sessions" in this cluster' in told
    assert 'did you mean "test.sessions"? Known: ' in told


def test_a_namespace_that_is_nearly_right_is_suggested(client):
    with pytest.raises(ValueError, match=r"did you mean 'test'\? Known: test, "):
        client.resilience.explain("get", set="tset.sessions")


@pytest.mark.parametrize(
    ("target", "total"), [("test.sessions", 80), ("test", 250), (None, 250), ("test:a.b", 9)]
)
def test_what_is_there_is_explained(client, target, total):
    assert client.resilience.explain("get", set=target).value("total_timeout") == total


@pytest.mark.parametrize("target", ["", "test.", ".s", "a.b.c", 3, ("test", "s"), "a:b:c"])
def test_what_names_no_set_is_refused(client, target):
    with pytest.raises(ValueError, match=r'set=: a set is "namespace" or "namespace\.set", not '):
        client.resilience.explain("get", set=target)


def test_a_set_with_dots_gets_what_is_said_of_it(client):
    profile, get = (
        client.resilience.profile,
        client.resilience._engine.shared.adapter.operations["get"],
    )
    found = profile.settings(get, retryable=True, namespace="test", set_name="a.b")

    assert found["total_timeout"].value == 9


@pytest.mark.parametrize("key", ["a.b.c.d", ".s", "test.", "test:", ":s", "a:b:c", "test.:"])
def test_a_key_of_sets_that_names_none_is_refused(key):
    with pytest.raises(PolicyFileError, match=r'a set is "namespace" or "namespace\.set"'):
        PolicyLibrary().load("latency").with_overrides({"sets": {key: {}}})


def test_an_unknown_operation_is_told_in_the_same_form(client):
    with pytest.raises(
        ValueError, match=r"'gte' is no operation of client .*; did you mean 'get'\? Known: "
    ):
        client.resilience.explain("gte")


def test_the_table_has_units_and_what_is_sent_has_the_clients_own(client):
    told = str(client.resilience.explain("get"))

    assert "250ms" in told
    assert "not set" in str(
        PolicyLibrary()
        .load("observe")
        .explain(client.resilience._engine.shared.adapter.operations["get"])
        .with_sent({"total_timeout": 1000})
    )


SPELLED = [
    *(
        (("policy", "all", "total_timeout"), given, "250ms")
        for given in (250, "250", "250ms", "0.25s")
    ),
    (("policy", "all", "compression_threshold"), 65536, "64KiB"),
    (("policy", "all", "compression_threshold"), "1000", "'1000'"),
    (("policy", "all", "ttl"), 2592000, "30d"),
    (("policy", "all", "ttl"), "never", "never"),
    (("policy", "all", "max_retries"), 3, "3"),
    (("operations", "get", "socket_timeout"), 1000, "1s"),
    (("sets", "test.s", "reads", "socket_timeout"), "40ms", "40ms"),
    (("connection", "max_socket_idle"), 55, "55s"),
    (("connection", "tend_interval"), 250, "250ms"),
    (("retry", "chain"), [2, "10ms"], "[2ms, 10ms]"),
    (("retry", "budget", "ratio"), 0.05, "0.05"),
    (("breaker", "isolate"), ["A1"], "[A1]"),
    (("breaker", "mode"), "off", "off"),
    (("telemetry", "spans"), True, "true"),
    (("policy", "all", "total_timeout"), 0, "0"),
    (("policy", "all", "total_timeout"), None, "not set"),
]


@pytest.mark.parametrize(("path", "given", "told"), SPELLED)
def test_a_value_is_told_with_its_unit(path, given, told):
    if given == "250":
        told = "'250'"  # what is no duration is shown as it is written
    assert written(path, given) == told


@pytest.mark.parametrize(
    ("path", "given", "told"),
    [
        (("adaptive_timeout", "max"), 0.04, "40ms"),
        (("connection", "max_socket_idle"), 55.0, "55s"),
        (("policy", "all", "total_timeout"), 1500, "1500ms"),
        (("retry", "chain"), (0.002, 0.01), "[2ms, 10ms]"),
    ],
)
def test_a_checked_value_is_told_with_its_unit(path, given, told):
    assert typed(path, given) == told


@pytest.mark.parametrize(
    "ms", [0.001, 0.5, 1, 1.5, 40, 999, 1000, 1500, 60_000, 90_000, 3_600_000, 86_400_000]
)
def test_a_duration_that_is_told_reads_back_as_the_same(ms):
    assert milliseconds(duration_text(ms)) == pytest.approx(ms)
