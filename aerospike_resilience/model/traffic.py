"""The shape of a service's traffic: what a rehearsal imitates. It holds no key and no value."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeVar

T = TypeVar("T")

VERSION: Final = 1


class TrafficFileError(ValueError):
    """A file does not hold a traffic shape; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class OperationTraffic:
    """How often an operation was made on a set.

    Attributes:
        operation: the method's name.
        rate_per_s: calls a second.
        namespace: the namespace; empty where the operation has none.
        set: the set; empty where there is none.
        writes: whether it may change a record.
        record_bytes: the median size of a record's bins that it sent or got, in bytes; 0 where unknown.
        rows: the mean number of records in a batch; 1 for an operation on one record.
    """

    operation: str
    rate_per_s: float
    namespace: str = ""
    set: str = ""
    writes: bool = False
    record_bytes: int = 0
    rows: float = 1.0


@dataclass(frozen=True, slots=True)
class NodeTraffic:
    """How long a node took for reads.

    Attributes:
        p50_ms: half of them took at most this long, in ms.
        p99_ms: 99 of 100 took at most this long, in ms.
    """

    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Traffic:
    """The shape of a service's traffic.

    Attributes:
        operations: rates by operation and set.
        nodes: answer times by node.
        observed_s: for how long it was observed, in seconds; 0 for a made-up shape.
        concurrency: the most operations that were in progress at once.
        mean_concurrency: how many were in progress on average.
        client: the kind of client.
        profile: the profile that was in force.
    """

    operations: tuple[OperationTraffic, ...]
    nodes: Mapping[str, NodeTraffic] = field(default_factory=dict)
    observed_s: float = 0.0
    concurrency: int = 16
    mean_concurrency: float = 0.0
    client: str = ""
    profile: str = ""

    @property
    def rate_per_s(self) -> float:
        """Calls a second, of all operations."""
        return sum(one.rate_per_s for one in self.operations)

    def at_rate(self, rate_per_s: float) -> Traffic:
        """Return the same mix at another rate, in calls a second."""
        factor = rate_per_s / self.rate_per_s
        return replace(
            self,
            operations=tuple(
                replace(one, rate_per_s=one.rate_per_s * factor) for one in self.operations
            ),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, ready for JSON."""
        return {"version": VERSION, **asdict(self), "operations": [*map(asdict, self.operations)]}

    def write(self, path: Path | str) -> None:
        """Write it to a file, for ``policy rehearse --traffic``."""
        Path(path).write_text(json.dumps(self.as_dict(), indent=1) + "\n")

    @classmethod
    def of(cls, told: Any) -> Traffic:
        """Return the shape that `as_dict` returned.

        Raises:
            TrafficFileError: it is none; the message names the key.
        """
        if not isinstance(told, Mapping) or not isinstance(told.get("operations"), list):
            raise TrafficFileError(
                "a traffic shape is a JSON object with a list `operations`, as "
                "client.resilience.traffic() returns it"
            )
        if told.get("version", VERSION) != VERSION:
            raise TrafficFileError(
                f"version: this release reads {VERSION}, not {told['version']!r}"
            )
        operations = tuple(
            _of(OperationTraffic, one, f"operations[{number}]")
            for number, one in enumerate(told["operations"])
        )
        if not any(one.rate_per_s > 0 for one in operations):
            raise TrafficFileError("operations: at least one needs a rate_per_s above 0")
        nodes = told.get("nodes") or {}
        if not isinstance(nodes, Mapping):
            raise TrafficFileError(f"nodes: an object by node name is needed, not {nodes!r}")
        rest = {name: value for name, value in told.items() if name not in _NESTED}
        return _of(
            cls,
            {
                **rest,
                "operations": operations,
                "nodes": {
                    name: _of(NodeTraffic, one, f"nodes.{name}") for name, one in nodes.items()
                },
            },
            "",
        )

    @classmethod
    def read(cls, path: Path | str) -> Traffic:
        """Read a file that `write` wrote.

        Raises:
            TrafficFileError: it is no such file.
            OSError: it cannot be read.
        """
        try:
            return cls.of(json.loads(Path(path).read_text()))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise TrafficFileError(f"{path}: not JSON: {error}") from None
        except TrafficFileError as error:
            raise TrafficFileError(f"{path}: {error}") from None


_NESTED: Final = frozenset({"version", "operations", "nodes"})
_NUMBERS: Final = frozenset(
    "rate_per_s record_bytes rows p50_ms p99_ms observed_s concurrency mean_concurrency".split()
)


def _of(cls: type[T], told: Any, where: str) -> T:
    """Return an instance made of a JSON object.

    Raises:
        TrafficFileError: a key is unknown or missing, or a number is none or below 0.
    """
    place = f"{where}: " if where else ""
    if not isinstance(told, Mapping):
        raise TrafficFileError(f"{place}an object is needed, not {told!r}")
    known = tuple(inspect.signature(cls).parameters)
    unknown = sorted(told.keys() - set(known))
    if unknown:
        raise TrafficFileError(f"{place}unknown key {unknown[0]!r}; there are {', '.join(known)}")
    for name, value in told.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if name in _NUMBERS and (not number or value < 0):
            raise TrafficFileError(f"{place}{name} is a number of 0 or more, not {value!r}")
    try:
        return cls(**told)
    except TypeError as error:
        raise TrafficFileError(f"{place}{str(error).partition('() ')[2]}") from None
