"""``timeout_delay`` of writes, batches and queries, and what a stall then does to the pool."""

from __future__ import annotations

import contextlib

import pytest
from aerospike import exception as c_errors

from aerospike_resilience.testing import LocalCluster
from tests.clients.late_answers import LATE, LateC, patiently
from tests.waiting import until

LONG_MS = 60_000
"""Longer than any test."""

POOL = 5


@pytest.fixture
def cluster():
    with LocalCluster(nodes=1, replication_factor=1) as cluster:
        cluster.wait_until_stable()
        yield cluster


@pytest.fixture
def opened(cluster):
    with contextlib.ExitStack() as stack:

        def open_(client, delay_ms, **config):
            late = client(cluster, None, delay_ms, "profile", **config)
            stack.callback(late.close)
            patiently(late.get)
            return late

        yield open_


def counted(cluster):
    return cluster.counters(cluster.nodes[0])


def closed(cluster):
    counters = counted(cluster)
    return counters.connections_opened - counters.connections_open


def too_late(cluster, call):
    """Make a call that is answered after it ended, and wait for that answer."""
    with cluster.inject(op="data", latency="700ms"):
        with contextlib.suppress(Exception):  # a batch tells of it in its rows
            call()
        seen = counted(cluster)["data"].seen
    until(lambda: counted(cluster)["data"].answered >= seen)


@pytest.mark.parametrize("client", LATE, ids=lambda client: client.name)
@pytest.mark.parametrize("kind", ["put", "batch"])
def test_late_answers_of_writes_and_batches_are_drained_too(cluster, opened, client, kind):
    late = opened(client, LONG_MS)
    gone = closed(cluster)

    for _ in range(3):
        too_late(cluster, getattr(late, kind))
    until(late.drained)

    late.get()
    assert closed(cluster) == gone


def test_late_answers_of_queries_are_drained_by_the_c_client(cluster, opened):
    late = opened(LateC, LONG_MS)
    gone = closed(cluster)

    too_late(cluster, late.query)
    until(late.drained)

    assert late.recovered() == 1
    assert closed(cluster) == gone


@pytest.mark.parametrize(
    "client", [client for client in LATE if client is not LateC], ids=lambda client: client.name
)
def test_the_other_clients_close_it_and_ask_again_until_total_timeout(cluster, opened, client):
    late = opened(client, LONG_MS)
    gone, seen = closed(cluster), counted(cluster)["data"].seen

    def requests_of_one_query() -> int:
        before = counted(cluster)["data"].seen
        with pytest.raises(Exception, match=r"(?i)time"):
            late.query()
        return counted(cluster)["data"].seen - before

    with cluster.inject(op="data", latency="10s"):
        # Though max_retries is 0. A busy machine may leave time for one request only.
        until(lambda: requests_of_one_query() > 1)

    made = counted(cluster)["data"].seen - seen
    until(lambda: closed(cluster) - gone >= made)


@pytest.mark.parametrize("client", LATE, ids=lambda client: client.name)
def test_a_connection_is_closed_when_the_delay_has_passed_without_an_answer(
    cluster, opened, client
):
    late = opened(client, 300)
    gone, answered = closed(cluster), counted(cluster)["read"].answered

    with cluster.inject(op="read", latency="10s"):
        with pytest.raises(late.error):
            late.get()
        until(lambda: closed(cluster) == gone + 1)
        assert counted(cluster)["read"].answered == answered


def test_a_stall_empties_the_c_clients_pool_with_a_delay(cluster, opened):
    late = opened(LateC, LONG_MS, max_conns_per_node=POOL)

    with cluster.inject(op="read", latency="60s", count=POOL):
        for _ in range(POOL):
            with pytest.raises(late.error):
                late.get()
        with pytest.raises(c_errors.NoMoreConnectionsError):
            late.get()  # the node would answer at once now, and its slots are not free


def test_a_stall_leaves_the_pool_alone_without_a_delay(cluster, opened):
    late = opened(LateC, 0, max_conns_per_node=POOL)

    with cluster.inject(op="read", latency="60s"):
        for _ in range(2 * POOL):
            with pytest.raises(late.error):
                late.get()

    late.get()
