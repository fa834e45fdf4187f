"""The SDK takes a profile's words on transactions from the behavior that it is given."""

from __future__ import annotations

import os
import subprocess
import sys

COMMIT = """
import sys
from aerospike_resilience import resilient
from aerospike_sdk.policy.policy_mapper import to_txn_roll_policy, to_txn_verify_policy
from aerospike_sdk.sync import ClusterDefinition

host, port = sys.argv[1:]
cluster = ClusterDefinition(host, int(port)).connect()
said = {"policy": {"system_txn_verify": {"total_timeout": "20s"}, "system_txn_roll": {"max_retries": 9}}}
wrapped = resilient(cluster, "latency", overrides=said)
behavior = wrapped.create_session().behavior
verify = to_txn_verify_policy(behavior.get_txn_verify_settings())
roll = to_txn_roll_policy(behavior.get_txn_roll_settings())
print(verify.total_timeout, verify.max_retries, roll.total_timeout, roll.max_retries)
wrapped.close()
"""


def test_a_commit_has_the_profiles_words_and_else_the_sdks_own(healthy):
    """What `latency` says of everything else would end a commit after 250 ms."""
    host, port = healthy.hosts[0][:2]
    ran = subprocess.run(
        [sys.executable, "-c", COMMIT, host, str(port)],
        env={**os.environ, "AEROSPIKE_NO_UVLOOP": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == ["20000", "5", "10000", "9"]
