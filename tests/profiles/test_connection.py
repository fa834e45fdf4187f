"""What a profile says of connections is compared with a client that is connected, never forced on it."""

from __future__ import annotations

import os
import subprocess
import sys

from aerospike_resilience.profiles import PolicyLibrary
from aerospike_resilience.profiles.connection import compare

LATENCY = PolicyLibrary().load("latency")


def test_what_a_client_has_otherwise_is_named_with_both_values():
    own = {"max_conns_per_node": 55, "min_conns_per_node": 10, "rack_ids": [1]}

    assert compare(LATENCY, own) == (("max_conns_per_node", 300, 55),)


def test_durations_are_compared_in_one_unit():
    profile = LATENCY.with_overrides(
        {"connection": {"max_socket_idle": "55s", "tend_interval": "2s"}}
    )

    assert compare(profile, {"max_socket_idle": 55.0, "tend_interval": 2000}) == ()
    assert compare(profile, {"max_socket_idle": 5.0, "tend_interval": 1000}) == (
        ("max_socket_idle", 55.0, 5.0),
        ("tend_interval", 2000.0, 1000),
    )


def test_a_duration_that_no_float_holds_in_seconds_is_compared_exactly():
    profile = LATENCY.with_overrides({"connection": {"tend_interval": "1001ms"}})

    assert compare(profile, {"tend_interval": 1001}) == ()


def test_what_the_profile_does_not_say_is_not_compared():
    assert compare(LATENCY, {"login_timeout": 1, "conn_pools_per_node": 4}) == ()


WRAP = """
import logging, sys
logging.basicConfig(format="%(message)s", level=logging.WARNING, stream=sys.stdout)
from aerospike_resilience import resilient
from aerospike_sdk.policy.system_settings import SystemSettings
from aerospike_sdk.sync import ClusterDefinition

host, port = sys.argv[1:]
settings = SystemSettings(max_connections_per_node=55)
cluster = ClusterDefinition(host, int(port)).with_system_settings(settings).connect()
wrapped = resilient(cluster, "latency")
wrapped.close()
"""


def test_a_cluster_of_the_sdk_that_is_connected_otherwise_is_told_of(healthy):
    host, port = healthy.hosts[0][:2]
    ran = subprocess.run(
        [sys.executable, "-c", WRAP, host, str(port)],
        env={**os.environ, "AEROSPIKE_NO_UVLOOP": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert "connected otherwise than profile 'latency' says" in ran.stdout
    assert "max_conns_per_node is 55 (profile: 300)" in ran.stdout
    assert "tend_interval is 1s (profile: 250ms)" in ran.stdout
