"""A node that has joined is unknown until the client lists it, at one of its next tends."""

from __future__ import annotations

from aerospike_resilience import resilient
from tests.patience import NEVER_LATE
from tests.waiting import until

KEYS = [("test", "unlisted", n) for n in range(60)]
TENDS_ONCE = 600_000


def test_what_a_node_holds_that_the_client_does_not_list_is_not_refused_for_another(
    cluster, connect
):
    joining, isolated, _ = cluster
    cluster.kill(joining)
    cluster.wait_until_stable()
    bare = connect(cluster, hosts=cluster.hosts[1:], tend_interval=TENDS_ONCE)
    client = resilient(bare, "latency", overrides=NEVER_LATE)
    health = client.resilience._engine.shared.health
    for key in KEYS:
        client.put(key, {"n": key[2]})

    cluster.restart(joining)
    cluster.wait_until_stable()
    keys = until(lambda: [key for key in KEYS if health.maps.owners(key) == (isolated.name,)])
    client.resilience.isolate(isolated.name)

    assert [client.get(key)[2]["n"] for key in keys] == [key[2] for key in keys]
    rows = client.batch_read(keys).batch_records
    assert [row.result for row in rows] == [0] * len(keys)
    client.resilience.close()
