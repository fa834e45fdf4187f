"""Try an installed aerospike-resilience as a user would: wrap a client, write and read.

Run by `scripts/dist.py` with the Python of a fresh environment, outside of the repository.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import aerospike

import aerospike_resilience
from aerospike_resilience import resilient
from aerospike_resilience.profiles import PolicyLibrary
from aerospike_resilience.testing import LocalCluster

INSTRUMENTED = "import aerospike; print(hasattr(aerospike.client({'hosts': HOSTS}), 'resilience'))"


def main() -> None:
    """Raise where something does not work."""
    home = Path(aerospike_resilience.__file__).parent
    if not home.is_relative_to(sys.prefix):
        raise SystemExit(f"tried {home}, which is not what was installed into {sys.prefix}")
    library = PolicyLibrary()
    if library.directories != (home / "policies",):
        raise SystemExit(f"the shipped profiles are looked for in {library.directories}")

    with LocalCluster(nodes=1, replication_factor=1) as cluster:
        client = resilient(aerospike.client({"hosts": cluster.hosts}), profile="latency")
        client.put(("test", "smoke", 1), {"n": 1})
        _, _, bins = client.get(("test", "smoke", 1))
        client.close()
        if bins != {"n": 1}:
            raise SystemExit(f"wrote n=1 and read {bins}")

        # With no line changed: aerospike_resilience.pth must lie where Python starts from.
        wrapped = subprocess.run(
            [sys.executable, "-c", INSTRUMENTED.replace("HOSTS", repr(cluster.hosts))],
            env={**os.environ, "AEROSPIKE_RESILIENCE_PROFILE": "latency"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if wrapped.stdout != "True\n":
            raise SystemExit(f"AEROSPIKE_RESILIENCE_PROFILE did not wrap: {wrapped}")

    command = Path(sys.executable).parent / "aerospike-resilience"
    subprocess.run([command, "--help"], check=True, stdout=subprocess.DEVNULL, timeout=60)


if __name__ == "__main__":
    main()
