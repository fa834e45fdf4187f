"""Snapshots: all records, indexes and UDF modules of a cluster, to put back before each test."""

from __future__ import annotations

import marshal
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

_HEAD: Final = b"aerospike-resilience snapshot 1\n"
_FORMAT: Final = 4
"""Of `marshal`: it is the same in every supported version of Python."""
_PARTITIONS: Final = 4096
_STEP: Final = 256
_AT_ONCE: Final = 20_000

AskAll = Callable[..., dict[str, Any]]


class Snapshot:
    """What a cluster held at one moment. `LocalCluster.snapshot()` makes one.

    It does not depend on the number of nodes, so that `restore()` may put it into another cluster.
    `len()` is the number of records.
    """

    def __init__(self, records: dict[bytes, list[Any]], metadata: dict[Any, Any]) -> None:
        self._records = records
        self._metadata = metadata

    def __len__(self) -> int:
        return sum(map(len, self._records.values()))

    def __repr__(self) -> str:
        return f"Snapshot({len(self)} records of {', '.join(self.namespaces)})"

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces it has records of."""
        return tuple(name.decode() for name, records in self._records.items() if records)

    def save(self, path: str | Path) -> None:
        """Write it to a file."""
        content = marshal.dumps((self._records, self._metadata), _FORMAT)
        Path(path).write_bytes(_HEAD + content)

    @classmethod
    def load(cls, path: str | Path) -> Snapshot:
        """Read a file that `save()` wrote. Load only files that you trust.

        Raises:
            ValueError: It is no snapshot.
            OSError: It cannot be read.
        """
        content = Path(path).read_bytes()
        if not content.startswith(_HEAD):
            raise ValueError(f"{path} is not a snapshot of a LocalCluster")
        try:
            records, metadata = marshal.loads(content[len(_HEAD) :])
        except (EOFError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is a damaged snapshot: {error}") from error
        return cls(records, metadata)


def take(ask_all: AskAll) -> Snapshot:
    """Ask the nodes for all that they hold."""
    records: dict[bytes, list[Any]] = {}
    for first in range(0, _PARTITIONS, _STEP):
        for held in ask_all("dump", first, first + _STEP).values():
            for namespace, packed in held.items():
                records.setdefault(namespace, []).extend(packed)
    return Snapshot(records, next(iter(ask_all("metadata").values())))


def put(ask_all: AskAll, snapshot: Snapshot) -> None:
    """Make the nodes hold what a snapshot has, and nothing else."""
    ask_all("clear", snapshot._metadata)  # noqa: SLF001 - one matter in two places
    for namespace, packed in snapshot._records.items():  # noqa: SLF001
        for start in range(0, len(packed), _AT_ONCE):
            ask_all("load", {namespace: packed[start : start + _AT_ONCE]})
