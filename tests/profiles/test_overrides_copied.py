"""What an application gives is what holds: what it does with its mapping or list later changes nothing."""

from __future__ import annotations

import contextlib
from types import MappingProxyType

import aerospike
import pytest

from aerospike_resilience import PolicyFileError, instrument, resilient, uninstrument
from aerospike_resilience.profiles.overrides import copied


def settings() -> dict:
    return {"policy": {"reads": {"total_timeout": "1s"}}, "breaker": {"isolate": ["A1"]}}


def spoil(given: dict) -> None:
    given["policy"]["reads"]["total_timeout"] = "7s"
    given["policy"]["all"] = {"max_retries": "nonsense"}
    given["breaker"]["isolate"].append("A2")
    given["retry"] = {"backoff": "linear"}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("version: 1\nextends: latency\n")
    return path


def told(client) -> tuple:
    profile = client.resilience.profile
    total = client.resilience.explain("get").value("total_timeout")
    return total, profile.breaker.isolate, profile.retry.backoff


RIGHT = (1000, ("A1",), "exponential_jitter")


def test_overrides_of_resilient(bare, file):
    given = settings()
    client = resilient(bare, "mine", policies=file.parent, overrides=given)
    with contextlib.closing(client.resilience):
        assert told(client) == RIGHT
        spoil(given)
        file.write_text("version: 1\nextends: latency\nbreaker: {max_error_rate: 30}\n")
        assert client.resilience.reload().error is None
        assert told(client) == RIGHT
        assert client.resilience.profile.breaker.max_error_rate == 30


def test_overrides_of_a_block(bare, file):
    given = settings()
    client = resilient(bare, "mine", policies=file.parent)
    with contextlib.closing(client.resilience), client.resilience.using(overrides=given):
        spoil(given)
        file.write_text("version: 1\nextends: latency\nbreaker: {max_error_rate: 30}\n")
        assert client.resilience.reload().error is None
        engine = client.resilience._engine
        (runtime,) = engine._switched.runtimes
        assert runtime.profile.flat()["policy.reads.total_timeout"] == "1s"
        assert runtime.profile.breaker.max_error_rate == 30
        client.put(("test", "copied", 1), {"n": 1})  # the block's own runtime is found again
        assert len(list(engine._switched.runtimes)) == 1


def test_overrides_of_instrument(healthy, file):
    given, policies, listeners = settings(), [file.parent], []
    instrument("mine", policies=policies, overrides=given, listeners=listeners)
    try:
        spoil(given)
        policies.clear()
        listeners.append("no listener")
        client = aerospike.client({"hosts": healthy.hosts})
        assert told(client) == RIGHT
        client.close()
    finally:
        uninstrument()


def test_a_list_of_directories_is_what_it_was(bare, file):
    policies = [str(file.parent)]
    client = resilient(bare, "mine", policies=policies)
    with contextlib.closing(client.resilience):
        policies[:] = ["nowhere"]
        assert client.resilience.reload().error is None


def test_mappings_that_are_no_dicts_are_taken(bare):
    given = MappingProxyType({"policy": MappingProxyType({"reads": {"total_timeout": "1s"}})})
    client = resilient(bare, "latency", overrides=given)
    with contextlib.closing(client.resilience):
        assert client.resilience.explain("get").value("total_timeout") == 1000


def test_overrides_that_hold_themselves_are_refused(bare):
    given: dict = {}
    given["policy"] = given

    with pytest.raises(PolicyFileError, match="overrides=: is nested deeper than 32 levels"):
        resilient(bare, "latency", overrides=given)


@pytest.mark.parametrize("given", [3, "breaker", [("breaker", {})], object()])
def test_overrides_that_are_no_mapping_are_refused(bare, given):
    with pytest.raises(PolicyFileError, match="a mapping in the shape of a policy file is needed"):
        resilient(bare, "latency", overrides=given)


def test_a_copy_shares_nothing():
    given = settings()
    found = copied(given)

    assert found == given
    assert found["policy"]["reads"] is not given["policy"]["reads"]
    assert found["breaker"]["isolate"] is not given["breaker"]["isolate"]
