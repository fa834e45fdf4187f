"""The digest that names a record, and the partition that it falls into.

The digest is RIPEMD-160 over set, key type and key. Python's `hashlib` has that hash only where OpenSSL
still offers it. Elsewhere this module's own is used, which is about a hundred times slower. The embedded
cluster needs the digest, and so do the adapters of clients that do not give a record's partition.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Any, Final, Protocol

_R1: Final = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
    (7, 4, 13, 1, 10, 6, 15, 3, 12, 0, 9, 5, 2, 14, 11, 8),
    (3, 10, 14, 4, 9, 15, 8, 1, 2, 7, 0, 6, 13, 11, 5, 12),
    (1, 9, 11, 10, 0, 8, 12, 4, 13, 3, 7, 15, 14, 5, 6, 2),
    (4, 0, 5, 9, 7, 12, 2, 10, 14, 1, 3, 8, 11, 6, 15, 13),
)
_R2: Final = (
    (5, 14, 7, 0, 9, 2, 11, 4, 13, 6, 15, 8, 1, 10, 3, 12),
    (6, 11, 3, 7, 0, 13, 5, 10, 14, 15, 8, 12, 4, 9, 1, 2),
    (15, 5, 1, 3, 7, 14, 6, 9, 11, 8, 12, 2, 10, 0, 4, 13),
    (8, 6, 4, 1, 3, 11, 15, 0, 5, 12, 2, 13, 9, 7, 10, 14),
    (12, 15, 10, 4, 1, 5, 8, 7, 6, 2, 13, 14, 0, 3, 9, 11),
)
_S1: Final = (
    (11, 14, 15, 12, 5, 8, 7, 9, 11, 13, 14, 15, 6, 7, 9, 8),
    (7, 6, 8, 13, 11, 9, 7, 15, 7, 12, 15, 9, 11, 7, 13, 12),
    (11, 13, 6, 7, 14, 9, 13, 15, 14, 8, 13, 6, 5, 12, 7, 5),
    (11, 12, 14, 15, 14, 15, 9, 8, 9, 14, 5, 6, 8, 6, 5, 12),
    (9, 15, 5, 11, 6, 8, 13, 12, 5, 12, 13, 14, 11, 8, 5, 6),
)
_S2: Final = (
    (8, 9, 9, 11, 13, 15, 15, 5, 7, 7, 8, 11, 14, 14, 12, 6),
    (9, 13, 15, 7, 12, 8, 9, 11, 7, 7, 12, 7, 6, 15, 13, 11),
    (9, 7, 15, 11, 8, 6, 6, 14, 12, 13, 5, 14, 13, 13, 7, 5),
    (15, 5, 8, 11, 14, 14, 6, 14, 6, 9, 12, 9, 12, 5, 15, 8),
    (8, 5, 12, 9, 12, 5, 14, 6, 8, 13, 6, 5, 15, 13, 11, 11),
)
_K1: Final = (0x00000000, 0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xA953FD4E)
_K2: Final = (0x50A28BE6, 0x5C4DD124, 0x6D703EF3, 0x7A6D76E9, 0x00000000)
_MASK: Final = 0xFFFFFFFF


def _mix(step: int, x: int, y: int, z: int) -> int:
    if step == 0:
        return x ^ y ^ z
    if step == 1:
        return (x & y) | (~x & z)
    if step == 2:
        return (x | (~y & _MASK)) ^ z
    if step == 3:
        return (x & z) | (y & ~z)
    return x ^ (y | (~z & _MASK))


def _lane(
    state: tuple[int, ...],
    block: list[int],
    order: tuple[tuple[int, ...], ...],
    shifts: tuple[tuple[int, ...], ...],
    constants: tuple[int, ...],
    functions: tuple[int, ...],
) -> tuple[int, int, int, int, int]:
    a, b, c, d, e = state
    for turn in range(5):
        for word, shift in zip(order[turn], shifts[turn], strict=True):
            t = (a + _mix(functions[turn], b, c, d) + block[word] + constants[turn]) & _MASK
            t = ((t << shift | t >> 32 - shift) + e) & _MASK
            a, e, d, c, b = e, d, (c << 10 | c >> 22) & _MASK, b, t
    return a, b, c, d, e


def ripemd160(data: bytes) -> bytes:
    """Return the RIPEMD-160 hash of some bytes."""
    state: tuple[int, ...] = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0)
    padded = data + b"\x80" + bytes((55 - len(data)) % 64) + (len(data) * 8).to_bytes(8, "little")
    for start in range(0, len(padded), 64):
        block = [
            int.from_bytes(padded[pos : pos + 4], "little") for pos in range(start, start + 64, 4)
        ]
        a1, b1, c1, d1, e1 = _lane(state, block, _R1, _S1, _K1, (0, 1, 2, 3, 4))
        a2, b2, c2, d2, e2 = _lane(state, block, _R2, _S2, _K2, (4, 3, 2, 1, 0))
        h0, h1, h2, h3, h4 = state
        mixed = (h1 + c1 + d2, h2 + d1 + e2, h3 + e1 + a2, h4 + a1 + b2, h0 + b1 + c2)
        state = tuple(value & _MASK for value in mixed)
    return b"".join(value.to_bytes(4, "little") for value in state)


class Hash(Protocol):
    """A hash object of `hashlib`."""

    def copy(self) -> Hash: ...  # noqa: D102
    def update(self, data: bytes, /) -> None: ...  # noqa: D102
    def digest(self) -> bytes: ...  # noqa: D102


class Ripemd160:
    """`ripemd160` as a hash object."""

    def __init__(self, data: bytes = b"") -> None:
        self._data = data

    def copy(self) -> Ripemd160:
        """Return a copy with the same bytes."""
        return Ripemd160(self._data)

    def update(self, data: bytes, /) -> None:
        """Add more bytes."""
        self._data += data

    def digest(self) -> bytes:
        """Return the hash of all added bytes."""
        return ripemd160(self._data)


def best_ripemd160() -> Hash:
    """Return an empty hash object: OpenSSL's RIPEMD-160 if it has one, else this module's."""
    try:
        return hashlib.new("ripemd160")
    except ValueError:
        return Ripemd160()


_EMPTY: Final = best_ripemd160()
"""Copied for each digest, as looking up the algorithm takes as long as the hash itself."""

_INTEGER: Final = struct.Struct(">Bq")


def digest_of(set_name: str | None, key: object) -> bytes:
    """Return the digest of a record: the hash over its set, a byte for the key's type, and the key.

    Args:
        set_name: The set, or None.
        key: The user key, an int, str, bytes or bytearray.

    Returns:
        20 bytes.

    Raises:
        TypeError: Aerospike has no keys of this type.
        struct.error: The int has more than 64 bits.
    """
    if isinstance(key, str):
        named = b"\x03" + key.encode()
    elif isinstance(key, int) and not isinstance(key, bool):
        named = _INTEGER.pack(1, key)
    elif isinstance(key, bytes | bytearray):
        named = b"\x04" + bytes(key)
    else:
        raise TypeError(f"a user key is an int, str or bytes, not {type(key).__name__}")
    state = _EMPTY.copy()
    state.update(set_name.encode() + named if set_name else named)
    return state.digest()


def partition_of(key: tuple[Any, ...]) -> int:
    """Return the partition of ``(namespace, set, user key[, digest])``: the low 12 bits of its digest.

    Args:
        key: The key as the application writes it. Its digest counts only where it has no user key.

    Returns:
        0 to 4095.

    Raises:
        TypeError: There is no digest, and Aerospike has no keys of the user key's type.
        struct.error: The user key is an int of more than 64 bits.
    """
    if key[2] is None and len(key) > 3 and key[3] is not None:
        digest = bytes(key[3][:2])
    else:
        digest = digest_of(key[1], key[2])
    return (digest[0] | digest[1] << 8) & 4095
