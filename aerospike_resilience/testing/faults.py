"""Faults that a test can inject into a node, as both controller and nodes represent them."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from .counters import OPERATIONS, operations_named
from .server import errors

ANSWERS: Final = ("drop", "half", "garbage", "reset", "close")
"""The ways to damage an answer.

`drop` never sends it, `half` sends its first half and then nothing, `garbage` sends noise,
`reset` sends half and resets the connection, `close` closes it without an answer.
"""

CODES: Final[dict[str, int]] = {
    name.removeprefix("ERR_"): value
    for name, value in vars(errors).items()
    if isinstance(value, int) and name.isupper()
}
"""The names `inject(code=...)` knows."""

_UNITS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(value: float | str) -> float:
    """Parse a duration: a number of seconds, or text with a unit such as `20ms`.

    Args:
        value: The duration.

    Returns:
        Seconds.

    Raises:
        ValueError: It is neither.
    """
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(us|ms|s|m|h|d)\s*", value)
        if match is None:
            raise ValueError(f"{value!r} is no duration; write for example '20ms', '1.5s' or 0.02")
        return float(match[1]) * _UNITS[match[2]]
    if value < 0 or not math.isfinite(value):
        raise ValueError(f"a duration cannot be {value!r}; give seconds that are 0 or more")
    return float(value)


@dataclass(frozen=True, slots=True)
class Latency:
    """How long a request waits before it is handled.

    Attributes:
        median_s: Half of them wait less.
        p99_s: One in a hundred waits longer; the same as the median means fixed.
    """

    median_s: float
    p99_s: float

    def draw(self, source: random.Random) -> float:
        """Return one waiting time in seconds."""
        if self.p99_s <= self.median_s or not self.median_s:
            return self.median_s
        spread = math.log(self.p99_s / self.median_s) / 2.326
        return self.median_s * math.exp(source.gauss(0.0, spread))

    @classmethod
    def of(cls, value: float | str | tuple[float | str, float | str]) -> Latency:
        """Parse the argument of `inject(latency=...)`: a duration, or a pair of median and p99."""
        if isinstance(value, tuple):
            median_s, p99_s = seconds(value[0]), seconds(value[1])
            if p99_s < median_s:
                raise ValueError("latency=(median, p99): the p99 cannot be below the median")
            return cls(median_s, p99_s)
        return cls(seconds(value), seconds(value))


@dataclass(frozen=True, slots=True)
class Rule:
    """One fault as a node stores it.

    Attributes:
        slot: The counter that it uses.
        operations: Which requests it affects; empty means all but `tend` and logins.
        namespace: Only this namespace.
        set: Only this set.
        share: The share of matching requests that it affects.
        count: After how many requests it ends; None means never.
        latency: How long the request waits.
        code: The result code to answer with.
        answer: How the answer is damaged; one of `ANSWERS`.
        applied: Whether the request is carried out when its answer is damaged.
        refuse: Refuse connections.
        max_connections: Close connections beyond this number.
        leave: Stop talking to the other nodes, so that they go on without this one.
        migrate_s: Seconds to wait after each partition that is sent to a node that catches up.
    """

    slot: int
    operations: tuple[str, ...] = ()
    namespace: str | None = None
    set: str | None = None
    share: float = 1.0
    count: int | None = None
    latency: Latency | None = None
    code: int | None = None
    answer: str | None = None
    applied: bool = True
    refuse: bool = False
    max_connections: int | None = None
    leave: bool = False
    migrate_s: float = 0.0

    def pack(self) -> dict[str, Any]:
        """Return the rule as plain values, to send it to a node."""
        return asdict(self)

    @classmethod
    def unpack(cls, packed: Mapping[str, Any]) -> Rule:
        """Return the rule the controller packed."""
        values = dict(packed)
        if values["latency"] is not None:
            values["latency"] = Latency(**values["latency"])
        values["operations"] = tuple(values["operations"])
        return cls(**values)


def result_code(code: int | str) -> int:
    """Return the number of a result code given as number or name."""
    if isinstance(code, str):
        known = CODES.get(code.upper().removeprefix("AEROSPIKE_ERR_").removeprefix("ERR_"))
        if known is None:
            names = ", ".join(sorted(CODES))
            raise ValueError(f"no result code is called {code!r}; use a number or one of: {names}")
        return known
    if not 0 < code < 256:
        raise ValueError(f"a result code is between 1 and 255, not {code!r}")
    return code


def make_rule(
    slot: int,
    *,
    latency: float | str | tuple[float | str, float | str] | None = None,
    op: str | tuple[str, ...] | None = None,
    namespace: str | None = None,
    set: str | None = None,  # noqa: A002
    share: float = 1.0,
    count: int | None = None,
    code: int | str | None = None,
    answer: str | None = None,
    applied: bool = True,
    refuse: bool = False,
    max_connections: int | None = None,
    leave: bool = False,
    migrate_slowly: float | str = 0.0,
) -> Rule:
    """Check the arguments of `inject` and make a rule from them.

    Raises:
        ValueError: An argument is invalid; the message says what is valid.
    """
    names = (op,) if isinstance(op, str) else op or ()
    operations = tuple(each for name in names for each in operations_named(name))
    if not 0 < share <= 1:
        raise ValueError(f"share is above 0 and at most 1, not {share!r}")
    if count is not None and count < 1:
        raise ValueError(f"count is 1 or more, not {count!r}")
    if answer is not None and answer not in ANSWERS:
        raise ValueError(f"answer is one of {', '.join(ANSWERS)}, not {answer!r}")
    if max_connections is not None and max_connections < 0:
        raise ValueError(f"max_connections is 0 or more, not {max_connections!r}")
    standing = refuse or leave or migrate_slowly or max_connections is not None
    if not (latency or code or answer or standing):
        raise ValueError(
            "inject() needs a fault: latency=, code=, answer=, refuse=, max_connections=, leave= "
            "or migrate_slowly="
        )
    return Rule(
        slot=slot,
        operations=operations,
        namespace=namespace,
        set=set,
        share=share,
        count=count,
        latency=None if latency is None else Latency.of(latency),
        code=None if code is None else result_code(code),
        answer=answer,
        applied=applied,
        refuse=refuse,
        max_connections=max_connections,
        leave=leave,
        migrate_s=seconds(migrate_slowly),
    )


_NOT_BY_DEFAULT: Final = frozenset(("tend", "login", "admin"))


@dataclass(slots=True)
class FaultSet:
    """The faults in force on one node.

    Attributes:
        rules: By slot.
        source: The random source that decides which requests a share affects.
    """

    rules: dict[int, Rule] = field(default_factory=dict)
    source: random.Random = field(default_factory=random.Random)

    def for_request(self, number: int, namespace: bytes, set_name: bytes) -> list[Rule]:
        """Return the rules that affect a request.

        Args:
            number: Index of its operation in `OPERATIONS`.
            namespace: Its namespace.
            set_name: Its set.
        """
        operation = OPERATIONS[number]
        struck = []
        for rule in self.rules.values():
            if rule.operations:
                if operation not in rule.operations:
                    continue
            elif operation in _NOT_BY_DEFAULT:
                continue
            if rule.namespace is not None and rule.namespace.encode() != namespace:
                continue
            if rule.set is not None and rule.set.encode() != set_name:
                continue
            if rule.latency is None and rule.code is None and rule.answer is None:
                continue
            if rule.share < 1.0 and self.source.random() >= rule.share:
                continue
            struck.append(rule)
        return struck
