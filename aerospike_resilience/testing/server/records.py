"""Records in memory, grouped by partition, and the clock they expire by."""

from __future__ import annotations

import time
from typing import Any, Final

from .wire import OP_READ, Bin, decode_bins, encode_op

PARTITIONS: Final = 4096
EPOCH_S: Final = 1262304000
"""2010-01-01 00:00 UTC, from which void times count."""


class Clock:
    """Wall time that tests can advance.

    Attributes:
        offset_ms: How far it is ahead of the machine's clock.
    """

    __slots__ = ("offset_ms",)

    def __init__(self, offset_ms: int = 0) -> None:
        self.offset_ms = offset_ms

    def now_us(self) -> int:
        """Return microseconds since 2010."""
        return time.time_ns() // 1000 - EPOCH_S * 1_000_000 + self.offset_ms * 1000

    def now_ms(self) -> int:
        """Return milliseconds since 2010."""
        return time.time_ns() // 1_000_000 - EPOCH_S * 1000 + self.offset_ms

    def now_s(self) -> int:
        """Return whole seconds since 2010."""
        return self.now_ms() // 1000


_names: dict[bytes, bytes] = {}
_MAX_NAMES: Final = 4096


def _shared(name: bytes) -> bytes:
    """Return the one object for a set's name, so that a million records do not hold a million."""
    if len(_names) > _MAX_NAMES:
        _names.clear()
    return _names.setdefault(name, name)


class Record:
    """One version of a record. It never changes: a write replaces it with another.

    Its bins are kept as an answer has them, which takes half the memory of a dictionary.

    Attributes:
        digest: The 20 bytes that name it.
        set_name: Its set.
        key: The user key as on the wire, if the client sent it.
        image: All bins as the ops of an answer.
        bin_count: How many bins it has.
        generation: How often it was written.
        void_time: Seconds since 2010 at which it expires; 0 is never.
        last_update_us: Microseconds since 2010 of the last write.
    """

    __slots__ = (
        *("bin_count", "digest", "generation", "image", "key", "last_update_us", "set_name"),
        "void_time",
    )

    def __init__(
        self,
        digest: bytes,
        set_name: bytes,
        key: bytes | None,
        bins: dict[bytes, Bin],
        generation: int,
        void_time: int,
        last_update_us: int,
    ) -> None:
        self.digest = digest
        self.set_name = _shared(set_name)
        self.key = key
        self.image = b"".join([encode_op(OP_READ, name, value) for name, value in bins.items()])
        self.bin_count = len(bins)
        self.generation = generation
        self.void_time = void_time
        self.last_update_us = last_update_us

    @property
    def bins(self) -> dict[bytes, Bin]:
        """The bins, in a dictionary that the caller may change."""
        return decode_bins(self.image)

    @property
    def last_update_ms(self) -> int:
        """Milliseconds since 2010 of the last write."""
        return self.last_update_us // 1000

    @property
    def size(self) -> int:
        """Bytes the record takes, roughly as the server counts them: 7 and name and value for each bin."""
        bins = len(self.image) - self.bin_count
        return 39 + bins + (len(self.key) + 1 if self.key else 0) + len(self.set_name)

    def pack(self) -> tuple[object, ...]:
        """Return the record as plain values, to send it to another node."""
        return (
            *(self.digest, self.set_name, self.key, self.image, self.bin_count),
            *(self.generation, self.void_time, self.last_update_us),
        )

    @classmethod
    def unpack(cls, packed: tuple[Any, ...]) -> Record:
        """Return the record another node packed."""
        record = cls.__new__(cls)
        record.digest, set_name, record.key, record.image, record.bin_count, *rest = packed
        record.set_name = _shared(set_name)
        record.generation, record.void_time, record.last_update_us = rest
        return record


def partition_of(digest: bytes) -> int:
    """Return the partition a digest belongs to."""
    return digest[0] | (digest[1] & 0x0F) << 8


class Store:
    """The records of one namespace that this node holds.

    Attributes:
        partitions: Per partition, digest to record.
        truncated: Set name to the time (µs since 2010) up to which its records are gone;
            the empty name stands for the whole namespace.
        set_limits: Set name to the number of records it may hold; 0 is no limit.
        stop_writes: Refuse writes as a full namespace does.
    """

    __slots__ = ("clock", "partitions", "set_limits", "stop_writes", "truncated")

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.partitions: list[dict[bytes, Record]] = [{} for _ in range(PARTITIONS)]
        self.truncated: dict[bytes, int] = {}
        self.stop_writes = False
        self.set_limits: dict[bytes, int] = {}

    def get(self, pid: int, digest: bytes) -> Record | None:
        """Return a record, unless it expired or was truncated."""
        record = self.partitions[pid].get(digest)
        if record is None:
            return None
        if record.void_time and record.void_time <= self.clock.now_s():
            return None
        if self.truncated and self.is_truncated(record):
            return None
        return record

    def put(self, pid: int, digest: bytes, record: Record | None) -> None:
        """Store a record, or remove it when there is none."""
        if record is None:
            self.partitions[pid].pop(digest, None)
        else:
            self.partitions[pid][digest] = record

    def set_is_full(self, name: bytes) -> bool:
        """Tell whether a set holds as many records as it may."""
        limit = self.set_limits.get(name, 0)
        if not limit:
            return False
        held = sum(r.set_name == name for part in self.partitions for r in part.values())
        return held >= limit

    def live(self, pid: int) -> list[Record]:
        """Return the valid records of a partition, ordered by digest."""
        now_s = self.clock.now_s()
        records = [
            record
            for record in self.partitions[pid].values()
            if not (record.void_time and record.void_time <= now_s)
            and not (self.truncated and self.is_truncated(record))
        ]
        records.sort(key=lambda record: record.digest)
        return records

    def is_truncated(self, record: Record) -> bool:
        """Tell whether a truncation covers the record."""
        at = max(self.truncated.get(b"", 0), self.truncated.get(record.set_name, 0))
        return record.last_update_us <= at

    def sweep(self) -> None:
        """Remove expired and truncated records."""
        now_s = self.clock.now_s()
        truncated = bool(self.truncated)
        for partition in self.partitions:
            gone = [
                digest
                for digest, record in partition.items()
                if (record.void_time and record.void_time <= now_s)
                or (truncated and self.is_truncated(record))
            ]
            for digest in gone:
                del partition[digest]
