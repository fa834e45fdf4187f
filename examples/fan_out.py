"""asyncio: many reads at once, within one deadline; what did not arrive in time is left out.

AEROSPIKE_HOSTS=127.0.0.1:3000 python fan_out.py
"""

from __future__ import annotations

import asyncio
from typing import Any

import aerospike_py

from aerospike_resilience import ConnectError, connect, deadline


async def page(client: Any, keys: list[tuple[str, str, int]]) -> dict[int, Any]:
    """Return the records that arrived within 200 ms, by user key."""
    with deadline("200ms"):  # for all of them together; tasks inherit it
        found = await asyncio.gather(*map(client.get, keys), return_exceptions=True)
    for error in found:
        if isinstance(error, BaseException) and not isinstance(error, aerospike_py.AerospikeError):
            raise error  # a mistake of ours, or a cancellation
    return {
        key[2]: record.bins
        for key, record in zip(keys, found, strict=True)
        if not isinstance(record, BaseException)
    }


async def main() -> None:
    keys = [("test", "articles", number) for number in range(500)]
    async with connect(
        client="aerospike_py.async", profile="latency", wait="30s", name="articles"
    ) as client:
        with client.resilience.using("batch"):  # what fills the cluster may take its time
            for some in (keys[start : start + 100] for start in range(0, len(keys), 100)):
                await asyncio.gather(*(client.put(key, {"title": f"no. {key[2]}"}) for key in some))
        shown = await page(client, keys)
    print(f"{len(shown)} of {len(keys)} articles")


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except ConnectError as error:
        raise SystemExit(f"no cluster: {error}") from None
