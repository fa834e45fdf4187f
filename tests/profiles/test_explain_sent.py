"""What an explanation says is sent is what the client's own method is given."""

from __future__ import annotations

import contextlib
import json

import pytest
from aerospike import exception
from click.testing import CliRunner

from aerospike_resilience import resilient
from aerospike_resilience.cli.main import cli
from aerospike_resilience.clients import ADAPTERS
from aerospike_resilience.profiles import PolicyLibrary
from tests.profiles.test_shipped import KEY, Recording

CALLS = {
    "get": lambda client: client.get(KEY),
    "put": lambda client: client.put(KEY, {"n": 1}),
    "batch_read": lambda client: client.batch_read([KEY]),
}


@pytest.fixture
def recording(healthy):
    client = Recording({"hosts": healthy.hosts})
    client.put(KEY, {"n": 1})
    yield client
    client.close()


def told_by_the_command(profile: str, operation: str, *more: str) -> dict[str, object]:
    arguments = ["policy", "explain", profile, operation, "--json", *more]
    rows = json.loads(CliRunner().invoke(cli, arguments).output)
    return {row["field"]: row["sent"] for row in rows if row["sent"] is not None}


def sent(recording, wrapped, operation: str) -> dict[str, object]:
    recording.sent.clear()
    with contextlib.suppress(exception.TimeoutError):  # what it comes to does not matter
        CALLS[operation](wrapped)
    return dict(recording.sent[0][1] or {})


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("profile", sorted({*PolicyLibrary().names()} - {"observe"}))
def test_what_is_said_to_be_sent_is_sent(recording, profile, operation):
    wrapped = resilient(recording, profile, overrides={"adaptive_timeout": None})
    try:
        told = wrapped.resilience.explain(operation).sent

        assert told == sent(recording, wrapped, operation)
        assert told == told_by_the_command(profile, operation)
    finally:
        wrapped.resilience.close()


def test_a_profile_that_says_nothing_sends_nothing(recording):
    wrapped = resilient(recording, "observe")
    try:
        explained = wrapped.resilience.explain("get")

        assert explained.sent == {}
        assert sent(recording, wrapped, "get") == {}
        assert "everything as the client has it" in str(explained)
    finally:
        wrapped.resilience.close()


def test_what_the_profile_leaves_to_the_client_is_sent_and_told_as_the_clients_own(recording):
    wrapped = resilient(recording, "observe", overrides={"policy": {"all": {"timeout_delay": 0}}})
    try:
        explained = wrapped.resilience.explain("get")

        assert explained.sent == sent(recording, wrapped, "get")
        assert explained.sent["total_timeout"] == 1000
        assert "the client's own" in str(explained)
        assert explained.to_dict()["sent"]["total_timeout"] == 1000
    finally:
        wrapped.resilience.close()


def test_words_on_a_set_are_sent_for_that_set(recording):
    over = {
        "sets": {"test.shipped": {"reads": {"total_timeout": "77ms"}}},
        "adaptive_timeout": None,
    }
    wrapped = resilient(recording, "latency", overrides=over)
    try:
        assert wrapped.resilience.explain("get", set="test.other").sent["total_timeout"] == 250
        assert wrapped.resilience.explain("get", set="test.shipped").sent["total_timeout"] == 77
        assert sent(recording, wrapped, "get")["total_timeout"] == 77
    finally:
        wrapped.resilience.close()


def test_a_read_in_a_hurry_is_told_with_the_pace_of_the_moment(recording):
    wrapped = resilient(recording, "latency")
    try:
        wrapped.resilience._engine.runtime.pace(0.007)

        assert wrapped.resilience.explain("get").sent["socket_timeout"] == 7
    finally:
        wrapped.resilience.close()


@pytest.mark.parametrize("client", [adapter.name for adapter in ADAPTERS])
def test_of_a_reads_retries_the_client_is_sent_its_own_alone(client):
    told = told_by_the_command("latency", "get", "--client", client)

    assert told["max_retries"] == 1


def test_a_write_that_must_not_be_repeated_is_sent_once():
    assert told_by_the_command("durable", "put", "--not-repeatable")["max_retries"] == 0
