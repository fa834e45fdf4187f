"""The shares in docs/nodes.md: which node opens, how soon, and what that costs the calls of others."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from aerospike_resilience.testing import LocalCluster
from benchmarks import nodes
from benchmarks.node_load import LOADS

pytestmark = [pytest.mark.soak, pytest.mark.timeout(300)]

SETUPS = [(size, callers) for size in (3, 5) for callers in LOADS]


@pytest.fixture(scope="module")
def cluster_of() -> Iterator[Callable[[int], LocalCluster]]:
    """One cluster of each size; every run leaves it whole."""
    clusters: dict[int, LocalCluster] = {}

    def of(size: int) -> LocalCluster:
        if size not in clusters:
            clusters[size] = LocalCluster(nodes=size, replication_factor=2).start()
            clusters[size].wait_until_stable()
        return clusters[size]

    yield of
    for cluster in clusters.values():
        cluster.stop()


@pytest.mark.parametrize("seed", range(50))
@pytest.mark.parametrize("fault", nodes.FAULTS)
def test_the_faulty_node_opens_in_time_and_no_other_and_all_is_closed_soon_after(
    fault, seed, cluster_of
):
    size, callers = SETUPS[seed % len(SETUPS)]

    assert nodes.run(cluster_of(size), fault, callers, seed).problem == ""


@pytest.mark.parametrize("callers", LOADS)
def test_a_flapping_node_costs_less_than_half_a_percent_and_reads_are_quicker_than_bare(
    callers, cluster_of
):
    bare = nodes.flapping(cluster_of(3), callers, 6, bare=True)
    ours = nodes.flapping(cluster_of(3), callers, 6, bare=False)

    assert max(share.failed for share in ours.values()) <= 0.005
    assert ours["reads"].p99_ms < bare["reads"].p99_ms


@pytest.mark.parametrize(("size", "callers"), SETUPS)
def test_during_a_stall_reads_have_no_errors_and_other_nodes_writes_go_on(
    size, callers, cluster_of
):
    found = nodes.stalling(cluster_of(size), callers, 1.5)

    assert not found["reads, stalled"].errors
    assert not found["writes without the node, stalled"].errors
    before = found["writes without the node, before"].rate
    assert found["writes without the node, stalled"].rate >= 0.9 * before
