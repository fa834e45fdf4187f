"""Never more than ``max_retries + 1`` requests: every client, replica policy and kind of operation."""

from __future__ import annotations

import pytest

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

PATIENCE_MS = 300
"""The same where a healthy node must answer within it, though the machine is busy."""

PROFILE = """\
version: 1
extends: default
policy:
  all: {{total_timeout: 20s, socket_timeout: {socket_ms}ms, max_retries: {retries}}}
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
            for patience, socket_ms in (("", SILENCE_MS), ("patient-", PATIENCE_MS)):
                text = PROFILE.format(retries=retries, replica=replica, socket_ms=socket_ms)
                (folder / f"{patience}{replica}-{retries}.yaml").write_text(text)
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
        with surface.resilience.using(f"{replica}-{retries}"), healthy.inject(op="data", code=18):
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
    made = {}
    with (
        surface.resilience.using(f"sequence-{retries}"),
        healthy.inject(op="data", answer="drop", applied=False),
    ):
        for name, operation in OPERATIONS.items():
            before = healthy.requests("data")
            with pytest.raises(surface.error):
                operation(surface)
            made[name] = until(lambda before=before: healthy.requests("data") - before)

    assert made["increment"] == 1  # it may have been applied, and is not idempotent
    assert all(1 <= requests <= retries + 1 for requests in made.values()), made


@pytest.mark.parametrize("replica", ["sequence", "random"])
def test_a_read_whose_master_is_silent_succeeds_at_the_replica(healthy, surface, replica):
    found = []
    for retries in RETRIES[1:]:
        with surface.resilience.using(f"patient-{replica}-{retries}"):
            for number in range(5):
                master = healthy.master("test", "conformance", number)
                with healthy.inject(node=master, op="get", answer="drop"):
                    found.append(surface.get(number)["n"])

    assert found == [*range(5)] * 3


def test_an_increment_on_which_the_server_gave_up_is_not_sent_again(healthy, surface):
    with surface.resilience.using("sequence-3"), healthy.inject(op="data", code=9):
        before = healthy.requests("data")
        with pytest.raises(surface.error):
            surface.increment(1)

    assert healthy.requests("data") - before == 1


def test_an_overloaded_cluster_is_asked_three_times_at_most(healthy, surface):
    made = {}
    with surface.resilience.using("sequence-3"), healthy.inject(op="data", code=18):
        for name, operation in OPERATIONS.items():
            before = healthy.requests("data")
            with pytest.raises(surface.error):
                operation(surface)
            made[name] = healthy.requests("data") - before

    assert set(made.values()) == {
        3
    }  # four tries are allowed, and some clients make two of them at once
