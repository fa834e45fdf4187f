"""MurmurHash3, x64, 128 bits: a public-domain hash, written from its description."""

from __future__ import annotations

from typing import Final

_MASK: Final = (1 << 64) - 1
_C1: Final = 0x87C37B91114253D5
_C2: Final = 0x4CF5AD432745937F


def murmur3_128(data: bytes) -> tuple[int, int]:
    """Return both halves of the hash, seed 0."""
    one = two = 0
    whole = len(data) // 16 * 16
    for start in range(0, whole, 16):
        one ^= _mixed(int.from_bytes(data[start : start + 8], "little"), _C1, 31, _C2)
        one = ((_rotated(one, 27) + two) * 5 + 0x52DCE729) & _MASK
        two ^= _mixed(int.from_bytes(data[start + 8 : start + 16], "little"), _C2, 33, _C1)
        two = ((_rotated(two, 31) + one) * 5 + 0x38495AB5) & _MASK
    one ^= _mixed(int.from_bytes(data[whole : whole + 8], "little"), _C1, 31, _C2)
    two ^= _mixed(int.from_bytes(data[whole + 8 :], "little"), _C2, 33, _C1)
    one ^= len(data)
    two ^= len(data)
    one = one + two & _MASK
    two = two + one & _MASK
    one, two = _finished(one), _finished(two)
    one = one + two & _MASK
    return one, two + one & _MASK


def _rotated(value: int, by: int) -> int:
    return (value << by | value >> 64 - by) & _MASK


def _mixed(value: int, before: int, by: int, after: int) -> int:
    return _rotated(value * before & _MASK, by) * after & _MASK


def _finished(value: int) -> int:
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCD & _MASK
    value = (value ^ value >> 33) * 0xC4CEB9FE1A85EC53 & _MASK
    return value ^ value >> 33
