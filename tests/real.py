"""A real cluster, given with ``--aerospike=host:port``, instead of the embedded one."""

from __future__ import annotations

from typing import Any

import pytest

HARMLESS = {"clear_faults", "wait_until_stable"}
"""What means nothing to a cluster that was not harmed."""


class RealCluster:
    """Where the cluster is. A test that asks for more needs what a real cluster cannot be given."""

    def __init__(self, hosts: list[tuple[str, int]]) -> None:
        self.hosts = hosts
        self.seeds = ",".join(f"{host}:{port}" for host, port in hosts)

    def __getattr__(self, name: str) -> Any:
        if name in HARMLESS:
            return lambda *_arguments, **_options: None
        pytest.skip(f"needs the cluster's {name}, which a real cluster cannot be given")
