"""The read-only record that a filter expression reads."""

from __future__ import annotations

from typing import Protocol


class RecordView(Protocol):
    """A record as expressions read it."""

    @property
    def digest(self) -> bytes:
        """The 20 bytes that name the record."""

    @property
    def set_name(self) -> bytes:
        """The set, empty for none."""

    @property
    def key(self) -> bytes | None:
        """The stored user key as on the wire (particle type byte, then the value), or None."""

    @property
    def bins(self) -> dict[bytes, tuple[int, bytes]]:
        """Bin name to (particle type, bytes as on the wire)."""

    @property
    def generation(self) -> int:
        """How often the record was written."""

    @property
    def void_time(self) -> int:
        """Seconds since 2010-01-01 at which it expires; 0 is never."""

    @property
    def last_update_ms(self) -> int:
        """Milliseconds since 2010-01-01 of the last write."""

    @property
    def now_ms(self) -> int:
        """Milliseconds since 2010-01-01 on the node's (settable) clock."""

    @property
    def size(self) -> int:
        """Bytes the record takes, as `record_size` reports it."""
