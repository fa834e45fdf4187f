"""The mix of a load: which operation comes next, on which record, with how many bytes."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..model.traffic import OperationTraffic, Traffic

NAMESPACE: Final = "test"
"""The namespace of the embedded cluster; sets keep their names."""

KEYS_PER_THREAD: Final = 64

LARGEST_RECORD: Final = 64 * 1024
"""Records of a rehearsal are at most so large, in bytes: it rehearses faults, not bandwidth."""

Make = Callable[[Any, Any, int, "Step"], Any]
"""Makes one call: given the client, the record's key, the call's number and its step."""


@dataclass(frozen=True, slots=True)
class Step:
    """An operation of the mix.

    Attributes:
        operation: the client's method.
        writes: whether it may change a record.
        set: the set.
        record_bytes: bytes of a record that it writes.
        rows: records of a batch.
        share: the share of all calls.
    """

    operation: str
    writes: bool
    set: str
    record_bytes: int
    rows: int
    share: float


def _get(client: Any, key: Any, _number: int, _step: Step) -> Any:
    return client.get(key)


def _put(client: Any, key: Any, number: int, step: Step) -> Any:
    return client.put(key, bins(number, step.record_bytes))


def _batch_read(client: Any, key: Any, _number: int, step: Step) -> Any:
    namespace, set_name, first = key
    start = first - first % KEYS_PER_THREAD
    place = first - start
    return client.batch_read(
        [
            (namespace, set_name, start + (place + row) % KEYS_PER_THREAD)
            for row in range(min(step.rows, KEYS_PER_THREAD))
        ]
    )


CALLS: Final[dict[str, Make]] = {
    "get": _get,
    "put": _put,
    "exists": lambda client, key, _number, _step: client.exists(key),
    "select": lambda client, key, _number, _step: client.select(key, ["n"]),
    "touch": lambda client, key, _number, _step: client.touch(key),
    "increment": lambda client, key, _number, _step: client.increment(key, "counter", 1),
    "batch_read": _batch_read,
}
"""How each operation that a rehearsal makes is called on the C client. None of them lowers the bin ``n``,
by which lost writes are found."""

STAND_INS: Final = {
    **dict.fromkeys(("remove", "append", "prepend", "apply", "remove_bin"), "put"),
    **dict.fromkeys(("operate", "operate_ordered"), "increment"),
    **dict.fromkeys(("get_many", "batch_operate", "query", "scan"), "batch_read"),
    **dict.fromkeys(("select_many", "exists_many", "batch_get_ops"), "batch_read"),
}
"""What is made in place of an operation that is not rehearsed: one of the same kind."""


def bins(number: int, record_bytes: int) -> dict[str, Any]:
    """Return a record's bins: a number that only grows, and so many bytes besides."""
    return {"n": number, "data": b"x" * record_bytes} if record_bytes else {"n": number}


def steps(traffic: Traffic) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """Return the steps of a traffic's mix, and notes on where they differ from what the service did."""
    whole = traffic.rate_per_s
    found: dict[tuple[str, str], Step] = {}
    notes: dict[str, None] = {}
    for one in traffic.operations:
        if not one.rate_per_s:
            continue
        name = _made_as(one)
        if name != one.operation:
            notes[f"{one.operation} is rehearsed as {name}"] = None
        if one.record_bytes > LARGEST_RECORD:
            notes[f"records of {one.operation} are cut to {LARGEST_RECORD} bytes"] = None
        set_name = one.set or "demo"
        before = found.get((name, set_name))
        found[name, set_name] = Step(
            name,
            name in ("put", "touch", "increment"),
            set_name,
            min(one.record_bytes, LARGEST_RECORD),
            max(round(one.rows), 1),
            one.rate_per_s / whole + (before.share if before else 0.0),
        )
    return tuple(found.values()), tuple(notes)


def _made_as(one: OperationTraffic) -> str:
    if one.operation in CALLS:
        return one.operation
    return STAND_INS.get(one.operation) or ("put" if one.writes else "get")


TURN: Final = 1000
"""How many steps a turn has: shares are kept to a thousandth."""


def in_turn(mix: Sequence[Step], seed: int = 0) -> Iterator[Step]:
    """Yield steps without end, each as often as its share says, and evenly spread.

    Args:
        mix: the steps.
        seed: decides where in the turn to begin.
    """
    turn = _turn(tuple(mix))
    place = random.Random(seed).randrange(TURN)
    while True:
        yield turn[place]
        place = (place + 1) % TURN


@functools.lru_cache(maxsize=16)
def _turn(mix: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return one turn: a smooth weighted round robin, as nginx has it."""
    credit = [0.0] * len(mix)
    total = sum(step.share for step in mix)
    turn = []
    for _ in range(TURN):
        for number, step in enumerate(mix):
            credit[number] += step.share
        best = max(range(len(mix)), key=credit.__getitem__)
        credit[best] -= total
        turn.append(mix[best])
    return tuple(turn)


HALF_AND_HALF: Final = (
    Step("get", writes=False, set="demo", record_bytes=0, rows=1, share=0.5),
    Step("put", writes=True, set="demo", record_bytes=0, rows=1, share=0.5),
)
"""Reads and writes in turn."""
