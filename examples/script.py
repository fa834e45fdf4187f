"""A script: connect, write, read, and show what the client was given.

AEROSPIKE_HOSTS=127.0.0.1:3000 python script.py
"""

from __future__ import annotations

from aerospike_resilience import ConnectError, connect, deadline


def main() -> None:
    with connect(profile="latency", wait="30s", name="script") as client:
        print(client.resilience.explain_connection())
        key = ("test", "visits", "script")
        with deadline("2s"):  # the whole block, retries included
            client.put(key, {"count": 0})
            client.increment(key, "count", 1)
            _, _, bins = client.get(key)
        print("visits:", bins["count"])


if __name__ == "__main__":
    try:
        main()
    except ConnectError as error:
        raise SystemExit(f"no cluster: {error}") from None
