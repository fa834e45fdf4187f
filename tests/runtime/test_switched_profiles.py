"""`using(overrides=)`: what is compiled for a block is kept, found without a cost, and bounded."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from aerospike_resilience import resilient
from aerospike_resilience.nodes import TEND_THREAD
from aerospike_resilience.runtime.profiles_in_use import MAX_SWITCHED
from benchmarks.stub import KEY, Stub


class Told(Stub):
    """Keeps the policies of its gets."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def get(self, key: Any, policy: Any = None) -> Any:
        self.sent.append(policy)
        return super().get(key)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def client(told: Told) -> Iterator[Any]:
    client = resilient(told, "latency", adapter="aerospike")
    TEND_THREAD.discard(client.resilience._engine._tended)
    yield client
    client.resilience.close()


@pytest.fixture
def compiled(client: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The profiles that were compiled for blocks, in order."""
    switched = client.resilience._engine._switched
    found: list[Any] = []
    compile_ = switched._compiled

    def counted(profile: Any) -> Any:
        found.append(profile)
        return compile_(profile)

    monkeypatch.setattr(switched, "_compiled", counted)
    return found


def total_timeout(number: int) -> dict[str, Any]:
    return {"policy": {"all": {"total_timeout": 1000 + number}}}


def get(client: Any, number: int) -> None:
    with client.resilience.using(overrides=total_timeout(number)):
        client.get(KEY)


def test_many_overrides_in_turn_are_compiled_once_each(client: Any, told: Told, compiled: Any):
    numbers = [*range(MAX_SWITCHED // 2)] * 2

    for number in numbers:
        get(client, number)

    assert [policy["total_timeout"] for policy in told.sent] == [1000 + one for one in numbers]
    assert len(compiled) == MAX_SWITCHED // 2


def test_overrides_used_often_outlive_any_number_of_others(client: Any, compiled: Any):
    get(client, -1)
    for number in range(MAX_SWITCHED + 100):
        get(client, number)
        if number % 10 == 0:
            get(client, -1)

    assert len(compiled) == MAX_SWITCHED + 101
    assert len(list(client.resilience._engine._switched.runtimes)) <= MAX_SWITCHED


def test_a_reload_reaches_every_block_wherever_it_is_kept(client: Any, told: Told):
    engine = client.resilience._engine
    with client.resilience.using(overrides=total_timeout(-1)):
        for number in range(MAX_SWITCHED // 2):  # the block's own runtime is in the older half now
            get(client, number)
        engine._changes.make(
            lambda: engine._ready(
                engine._own.profile.with_overrides({"policy": {"all": {"socket_timeout": 7}}})
            )
        )
        client.get(KEY)
        client.get(KEY)  # it was moved to the younger half

    assert [policy["socket_timeout"] for policy in told.sent[-2:]] == [7, 7]
    assert [policy["total_timeout"] for policy in told.sent[-2:]] == [999, 999]


def test_blocks_that_begin_at_once_are_compiled_once_each(client: Any, compiled: Any):
    together = threading.Barrier(8)

    def block(number: int) -> None:
        together.wait()
        get(client, number)

    threads = [threading.Thread(target=block, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(compiled) == 8


def test_overrides_of_policies_are_checked_as_any_others(client: Any):
    base = client.resilience._engine.runtime.profile
    policies = {"policy": {"reads": {"total_timeout": 5}}, "sets": {"test.a": {"all": {}}}}
    found = base.with_overrides(policies)

    assert found.has_sets
    assert found.place_of_sets("test", "a") == ("test", "a")
    assert not base.has_sets
    assert found.retry is base.retry
    assert found.fingerprint == base.with_overrides(policies).fingerprint != base.fingerprint
    with pytest.raises(ValueError, match="total_timeout"):
        base.with_overrides({"policy": {"all": {"total_timeout": "soon"}}})
    with pytest.raises(ValueError, match="chained"):
        base.with_overrides({"retry": {"backoff": "chained"}})
