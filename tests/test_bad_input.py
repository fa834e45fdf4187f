"""Bad input gets a clear error that is a `ResilienceError` and the fitting builtin."""

from __future__ import annotations

import re

import aerospike
import pytest

from aerospike_resilience import (
    AlreadyWrappedError,
    ClientClosedError,
    NotAClientError,
    PolicyFileError,
    ResilienceError,
    UnknownProfileError,
    deadline,
    resilient,
)


@pytest.mark.parametrize("thing", [None, 5, "client", object(), aerospike.Client])
def test_what_is_no_client_is_named_and_so_are_the_clients_there_are(thing):
    with pytest.raises(NotAClientError, match="'aerospike'") as caught:
        resilient(thing)

    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, ResilienceError)


def test_the_way_out_that_the_error_names_is_a_parameter(healthy, bare):
    with pytest.raises(NotAClientError) as caught:
        resilient(object())
    (named,) = re.findall(r"can be wrapped with (\w+)=<name>", str(caught.value))

    class StandIn:
        def __getattr__(self, name):
            return getattr(bare, name)

    wrapped = resilient(StandIn(), **{named: "aerospike"})
    wrapped.put(("test", "bad-input", 1), {"n": 1})

    assert wrapped.get(("test", "bad-input", 1))[2] == {"n": 1}
    wrapped.resilience.close()


def test_the_class_instead_of_an_instance_is_told_apart():
    with pytest.raises(NotAClientError, match="the class itself; give an instance"):
        resilient(aerospike.Client)


def test_an_unknown_profile_names_those_there_are_and_where_it_looked(bare):
    with pytest.raises(UnknownProfileError, match="latency") as caught:
        resilient(bare, profile="latancy")

    assert isinstance(caught.value, LookupError)
    assert "policies" in str(caught.value)


def test_a_broken_file_says_where(bare, tmp_path):
    (tmp_path / "mine.yaml").write_text("version: 1\npolicy:\n  all: {total_timout: 5ms}\n")

    with pytest.raises(PolicyFileError, match=r"mine\.yaml:3.*total_timout") as caught:
        resilient(bare, profile="mine", policies=tmp_path)

    assert isinstance(caught.value, ValueError)
    assert "total_timeout" in str(caught.value)


def test_an_unreadable_file_says_so(bare, tmp_path):
    (tmp_path / "mine.yaml").mkdir()

    with pytest.raises(PolicyFileError, match=r"mine\.yaml"):
        resilient(bare, profile="mine", policies=tmp_path)


def test_unknown_override_keys_are_refused(bare):
    with pytest.raises(ValueError, match="max_error_rat") as caught:
        resilient(bare, overrides={"breaker": {"max_error_rat": 3}})

    assert isinstance(caught.value, ResilienceError)
    assert "max_error_rate" in str(caught.value)


def test_wrapping_twice_is_refused(client):
    with pytest.raises(AlreadyWrappedError, match="using"):
        resilient(client)


def test_a_closed_client_is_refused(healthy, connect):
    client = connect(healthy)
    client.close()

    with pytest.raises(ClientClosedError, match="closed") as caught:
        resilient(client)

    assert isinstance(caught.value, RuntimeError)


@pytest.mark.parametrize("seconds", [-1, float("nan")])
def test_a_deadline_takes_seconds_from_now(seconds):
    with pytest.raises(ValueError, match="0 or more"):
        deadline(seconds)


def test_an_unknown_operation_is_refused_by_explain(client):
    with pytest.raises(ValueError, match="batch_read"):
        client.resilience.explain("fetch")
