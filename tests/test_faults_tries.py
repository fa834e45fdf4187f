"""Never more than ``max_retries + 1`` requests: every client, replica policy and kind of operation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from aerospike_resilience.testing import LocalNode
from tests.conformance.surfaces import (
    CClient,
    NativeAsync,
    NativeBlocking,
    PyAsyncClient,
    PyClient,
    SdkAsync,
    SdkBlocking,
)
from tests.waiting import until

CLIENTS = (CClient, PyClient, PyAsyncClient, NativeBlocking, NativeAsync, SdkBlocking, SdkAsync)
RETRIES = (0, 1, 2, 3)
SILENCE_MS = 100
"""After how long a try that nobody answers is given up: long enough for the node to have counted it."""

PATIENCE_MS = 1000
"""The same where a healthy node must answer within it, though the machine is busy."""

KINDS = (
    ("", "20s", SILENCE_MS),
    ("brief-", "1s", SILENCE_MS),
    ("patient-", "20s", PATIENCE_MS),
)
"""Kinds of profiles, each with its total timeout and socket timeout. The last attempt takes all the time
that is left, so where nobody ever answers little is given."""

PROFILE = """\
version: 1
extends: default
policy:
  all: {{total_timeout: {total}, socket_timeout: {socket_ms}ms, max_retries: {retries}}}
  reads: {{replica: {replica}, socket_timeout: {socket_ms}ms, max_retries: {retries}}}
  writes: {{socket_timeout: {socket_ms}ms, max_retries: {retries}}}
  writes_retryable: {{socket_timeout: {socket_ms}ms, max_retries: {retries}}}
retry: {{budget: {{ratio: 1, min_per_second: 1000}}}}
breaker: {{mode: "off"}}
lint: {{ignore: {{AR001: short, AR004: on purpose, AR013: not all clients know every replica policy}}}}
"""


@pytest.fixture(scope="module")
def policies(tmp_path_factory):
    folder = tmp_path_factory.mktemp("policies")
    for replica in ("sequence", "master", "random"):
        for retries in RETRIES:
            for kind, total, socket_ms in KINDS:
                text = PROFILE.format(
                    total=total, retries=retries, replica=replica, socket_ms=socket_ms
                )
                (folder / f"{kind}{replica}-{retries}.yaml").write_text(text)
    return folder


@pytest.fixture(scope="module", params=CLIENTS, ids=lambda client: client.name)
def surface(request, healthy, policies):
    surface = request.param(healthy)
    surface.open(profile="patient-sequence-0", policies=policies)
    for number in range(5):
        surface.put(number, {"n": number})
    yield surface
    healthy.clear_faults()
    surface.close()


OPERATIONS = {
    "get": lambda surface: surface.get(1),
    "put": lambda surface: surface.put(1, {"n": 1}),
    "increment": lambda surface: surface.increment(1),
}


@pytest.mark.parametrize("replica", ["sequence", "master", "random"])
def test_no_operation_makes_more_requests_than_max_retries_plus_one(healthy, surface, replica):
    made = {}
    for retries in RETRIES:
        with (
            surface.resilience.using(f"patient-{replica}-{retries}"),
            healthy.inject(op="data", code=18),
        ):
            for name, operation in OPERATIONS.items():
                before = healthy.requests("data")
                with pytest.raises(surface.error):
                    operation(surface)
                made[name, retries] = healthy.requests("data") - before

    too_many = {case: requests for case, requests in made.items() if requests > case[1] + 1}
    too_few = {case: requests for case, requests in made.items() if requests < min(case[1] + 1, 2)}
    assert (too_many, too_few) == ({}, {})


@pytest.mark.parametrize("retries", [1, 3])
def test_nor_where_nothing_is_answered(healthy, surface, retries):
    def requests_of(name: str) -> int:
        before = healthy.requests(name)
        with surface.resilience.using(f"brief-sequence-{retries}"), pytest.raises(surface.error):
            OPERATIONS[name](surface)
        return until(lambda: healthy.requests(name) - before)

    with (
        healthy.inject(op="data", answer="drop", applied=False),
        ThreadPoolExecutor(len(OPERATIONS)) as pool,  # as each of them takes its total timeout
    ):
        made = dict(zip(OPERATIONS, pool.map(requests_of, OPERATIONS), strict=True))

    assert made["increment"] == 1  # it may have been applied, and is not idempotent
    assert all(1 <= requests <= retries + 1 for requests in made.values()), made


@pytest.mark.parametrize("replica", ["sequence", "random"])
def test_a_read_whose_master_is_silent_succeeds_at_the_replica(healthy, surface, replica):
    masters = {healthy.master("test", "conformance", number): number for number in range(5)}

    def served(number: int, master: LocalNode) -> bool:
        with healthy.inject(node=master, op="get", answer="drop"):
            try:
                return bool(surface.get(number)["n"] == number)
            except surface.error:
                return False

    # aerospike-native and the SDK know all replicas only some tends after they connected, bare too, and
    # on a busy machine not at all times after that.
    with surface.resilience.using("sequence-1"):
        for master, number in masters.items():
            until(partial(served, number, master))

    for retries in (1, 3):
        with surface.resilience.using(f"{replica}-{retries}"):
            for master, number in list(masters.items())[:2]:
                until(partial(served, number, master))  # they may forget the replicas again


def test_an_increment_on_which_the_server_gave_up_is_not_sent_again(healthy, surface):
    with surface.resilience.using("patient-sequence-3"), healthy.inject(op="data", code=9):
        before = healthy.requests("data")
        with pytest.raises(surface.error):
            surface.increment(1)

    assert healthy.requests("data") - before == 1


def test_an_overloaded_cluster_is_asked_three_times_at_most(healthy, surface):
    made = {}
    with surface.resilience.using("patient-sequence-3"), healthy.inject(op="data", code=18):
        for name, operation in OPERATIONS.items():
            before = healthy.requests("data")
            with pytest.raises(surface.error):
                operation(surface)
            made[name] = healthy.requests("data") - before

    assert set(made.values()) == {
        3
    }  # four tries are allowed, and some clients make two of them at once
