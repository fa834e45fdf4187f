"""Calls that the SDK coalesces: many keys in one crossing to the native client.

Concurrent ``session.get`` and ``put`` of one tick of the event loop become one ``_submit_coalesced_*``,
which returns nothing and completes the futures it is given; ``get_many`` and ``put_many`` become one
``_submit_many_*``, which returns the slots and how many failed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..aerospike_native.package import native
from ..contract import CoalescedMethod


def _keys(arguments: Mapping[str, Any]) -> Sequence[Any]:
    keys, key_class = arguments["keys"], native().Key
    if not isinstance(keys, list | tuple) or not all(isinstance(key, key_class) for key in keys):
        raise TypeError("not keys")
    return keys


def _reads(arguments: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    bins = arguments.get("bins")
    return [(key, bins) for key in _keys(arguments)]


def _writes(arguments: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    return list(zip(_keys(arguments), arguments["bins_list"], strict=True))


def _same_writes(arguments: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    bins = arguments["bins"]
    if not isinstance(bins, dict):
        raise TypeError("not bins")
    return [(key, bins) for key in _keys(arguments)]


def _submit_reads(client: Any, calls: Sequence[tuple[Any, ...]], futures: Any, policy: Any) -> None:
    keys, bins = [call[0] for call in calls], calls[0][1]
    client._submit_coalesced_read(keys, futures, bins, policy=policy, policy_sc=policy)  # noqa: SLF001


def _submit_writes(
    client: Any, calls: Sequence[tuple[Any, ...]], futures: Any, policy: Any
) -> None:
    keys, bins = [call[0] for call in calls], [call[1] for call in calls]
    client._submit_coalesced_write(keys, futures, bins, policy=policy, policy_sc=policy)  # noqa: SLF001


WINDOWS: Final[Mapping[str, CoalescedMethod]] = {
    "_submit_coalesced_read": CoalescedMethod(
        "get", ("keys", "futures", "bins"), _reads, _submit_reads, completes_futures=True
    ),
    "_submit_coalesced_write": CoalescedMethod(
        "put", ("keys", "futures", "bins_list"), _writes, _submit_writes, completes_futures=True
    ),
    "_submit_many_read": CoalescedMethod(
        "get", ("keys", "bins"), _reads, _submit_reads, completes_futures=False
    ),
    "_submit_many_write": CoalescedMethod(
        "put", ("keys", "bins"), _same_writes, _submit_writes, completes_futures=False
    ),
}
"""By method of the native client: how to take its calls apart, and how to make them together."""
