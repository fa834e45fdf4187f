"""Never run: mypy checks that the public names are typed as users need them."""

from __future__ import annotations

import aerospike

from aerospike_resilience import deadline, remaining, resilient


def wrapping_keeps_the_type(config: dict[str, object]) -> aerospike.Client:
    client: aerospike.Client = resilient(aerospike.client(config), profile="latency")
    return client


def deadlines(client: aerospike.Client) -> float | None:
    with deadline(0.2):
        client.get(("test", "demo", 1))
    return remaining()
