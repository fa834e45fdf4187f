"""``timeout_delay``: the error at once, the late answer drained, the connection kept; with TLS too."""

from __future__ import annotations

import contextlib
import itertools

import pytest

from aerospike_resilience.testing import LocalCluster, TestAuthority
from tests.clients.late_answers import LATE, TLS_NAME, LateC, patiently
from tests.waiting import until

DELAY_MS = 60_000
"""Longer than any test: nothing that is seen comes from its end."""

CASES = [
    pytest.param(client, transport, way, id=f"{client.name}-{transport}-{way}")
    for client, transport, way in itertools.product(
        LATE, ("plain", "tls"), ("bare", "caller", "profile")
    )
    if transport == "plain" or client.tls
]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return TestAuthority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def clusters(authority):
    with (
        LocalCluster(nodes=1, replication_factor=1) as plain,
        LocalCluster(nodes=1, replication_factor=1, tls=authority.issue(TLS_NAME)) as tls,
    ):
        plain.wait_until_stable()
        tls.wait_until_stable()
        yield {"plain": plain, "tls": tls}


@pytest.fixture
def opened(clusters, authority):
    with contextlib.ExitStack() as stack:

        def open_(client, transport, way, delay_ms):
            cluster = clusters[transport]
            ca_file = authority.ca_file if transport == "tls" else None
            # The last test's client is gone, so all connections there are belong to this one.
            until(lambda: counted(cluster).connections_open == 0)
            late = client(cluster, ca_file, delay_ms, way)
            stack.callback(late.close)
            patiently(late.get)
            return late

        yield open_
    for cluster in clusters.values():
        cluster.clear_faults()


def counted(cluster):
    return cluster.counters(cluster.nodes[0])


def answered(late):
    return counted(late.cluster)["read"].answered


def closed(late):
    counters = counted(late.cluster)
    return counters.connections_opened - counters.connections_open


def times_out(late):
    try:
        late.get()
    except late.error:
        return True
    return False  # the machine stood still until the answer was there


def one_late_answer(late):
    """Time out once, and wait until the answer has come and the client has dealt with it."""
    with late.cluster.inject(op="read", latency="700ms"):
        until(lambda: times_out(late))
        seen = counted(late.cluster)["read"].seen
    until(lambda: answered(late) >= seen)
    until(late.drained)
    late.get()


@pytest.mark.parametrize("delay_ms", [0, DELAY_MS])
@pytest.mark.parametrize(("client", "transport", "way"), CASES)
def test_the_error_comes_at_the_timeout_and_not_after_the_delay_or_the_answer(
    opened, client, transport, way, delay_ms
):
    late = opened(client, transport, way, delay_ms)

    def fails_before_the_answer():
        before = answered(late)
        return times_out(late) and answered(late) == before

    with late.cluster.inject(op="read", latency="3s"):
        until(fails_before_the_answer)


@pytest.mark.parametrize(("client", "transport", "way"), CASES)
def test_with_a_delay_the_late_answer_is_drained_and_the_connection_used_again(
    opened, client, transport, way
):
    late = opened(client, transport, way, DELAY_MS)

    def all_used_again():
        # More late answers than there are connections: each has one. A client that drains in the
        # background may open one more when it is asked before it got to it, which then stays.
        before = counted(late.cluster)
        for _ in range(before.connections_open + 1):
            one_late_answer(late)
        return counted(late.cluster).connections_opened == before.connections_opened

    gone = closed(late)
    until(all_used_again, pause_s=0)

    assert closed(late) == gone
    if client is LateC:
        assert late.recovered() >= 2


@pytest.mark.parametrize(("client", "transport", "way"), CASES)
def test_without_a_delay_the_connection_is_closed(opened, client, transport, way):
    late = opened(client, transport, way, 0)
    gone = closed(late)

    for _ in range(3):
        one_late_answer(late)

    until(lambda: closed(late) == gone + 3)
    if client is LateC:
        assert late.recovered() == 0
