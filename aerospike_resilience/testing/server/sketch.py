"""HyperLogLog sketches: the bytes of a bin, and what can be estimated from them.

The layout and the hash were found from recorded bins: a zero byte, the number of index bits, the
number of minhash bits, the count as it was last computed (8 bytes, little-endian), then the
registers, 6 bits and the minhash each. A value is hashed as it is written in a list; the low bits of
the hash's first half name the register, the second half's trailing zeros plus one are what it holds.
The estimate is Ertl's ("New cardinality estimation algorithms for HyperLogLog sketches", 2017).
"""

from __future__ import annotations

import math
from functools import reduce
from typing import Final

from .errors import ERR_OP_NOT_APPLICABLE, ERR_PARAMETER, OpError
from .murmur import murmur3_128

HEADER: Final = 11
MIN_INDEX_BITS: Final = 4
MAX_INDEX_BITS: Final = 16
MIN_MINHASH_BITS: Final = 4
MAX_MINHASH_BITS: Final = 51
_RANK_BITS: Final = 6
_MAX_RANK: Final = (1 << _RANK_BITS) - 1


class Sketch:
    """A parsed sketch.

    Attributes:
        index_bits: The number of registers is two to the power of this.
        minhash_bits: How many more bits of the hash each register keeps.
        ranks: The highest rank that each register has seen.
        minhashes: The smallest hash of those with the highest rank.
        cached: The count as it was last computed, 0 if it was not.
    """

    __slots__ = ("cached", "index_bits", "minhash_bits", "minhashes", "ranks")

    def __init__(self, index_bits: int, minhash_bits: int = 0) -> None:
        self.index_bits = index_bits
        self.minhash_bits = minhash_bits
        self.ranks = [0] * (1 << index_bits)
        self.minhashes = [0] * (1 << index_bits)
        self.cached = 0

    @classmethod
    def decode(cls, raw: bytes) -> Sketch:
        """Parse a bin.

        Raises:
            OpError: It is no sketch; code 4.
        """
        if len(raw) < HEADER:
            raise OpError(ERR_PARAMETER)
        sketch = cls(*checked(raw[1], raw[2]))
        width = sketch.width
        if len(raw) != HEADER + ((width << sketch.index_bits) + 7) // 8:
            raise OpError(ERR_PARAMETER)
        sketch.cached = int.from_bytes(raw[3:HEADER], "little")
        low = (1 << sketch.minhash_bits) - 1
        # Eight registers fill a whole number of bytes, and there are at least sixteen.
        for group in range(0, 1 << sketch.index_bits, 8):
            start = HEADER + group * width // 8
            chunk = int.from_bytes(raw[start : start + width])
            for each in range(8):
                register = chunk >> width * (7 - each) & (1 << width) - 1
                sketch.ranks[group + each] = register >> sketch.minhash_bits
                sketch.minhashes[group + each] = register & low
        return sketch

    @property
    def width(self) -> int:
        """Bits of a register."""
        return _RANK_BITS + self.minhash_bits

    def encode(self) -> bytes:
        """Write the bin."""
        width = self.width
        parts = [bytes((0, self.index_bits, self.minhash_bits)), self.cached.to_bytes(8, "little")]
        for group in range(0, 1 << self.index_bits, 8):
            chunk = 0
            for each in range(group, group + 8):
                register = self.ranks[each] << self.minhash_bits | self.minhashes[each]
                chunk = chunk << width | register
            parts.append(chunk.to_bytes(width))
        return b"".join(parts)

    def add(self, value: bytes) -> bool:
        """Add a value as it is written in a list; returns whether a register changed."""
        register, rank, minhash = self._place(value)
        if not self._raise(register, rank, minhash):
            return False
        self.cached = 0
        return True

    def may_contain(self, value: bytes) -> bool:
        """Tell whether a value can have been added."""
        register, rank, minhash = self._place(value)
        held = self.ranks[register]
        return held > rank or (held == rank and self.minhashes[register] <= minhash)

    def _place(self, value: bytes) -> tuple[int, int, int]:
        one, two = murmur3_128(value)
        zeros = (two & -two).bit_length() - 1 if two else 64
        minhash = two >> 64 - self.minhash_bits if self.minhash_bits else 0
        return one & len(self.ranks) - 1, min(zeros + 1, _MAX_RANK), minhash

    def _raise(self, register: int, rank: int, minhash: int) -> bool:
        held = self.ranks[register]
        if held > rank or (held == rank and self.minhashes[register] <= minhash):
            return False
        self.ranks[register] = rank
        self.minhashes[register] = minhash
        return True

    def register(self, at: int) -> tuple[int, int]:
        """Return a register's rank and minhash."""
        return self.ranks[at], self.minhashes[at]

    def merge(self, other: Sketch) -> None:
        """Add everything another sketch of the same shape has seen."""
        for register, rank in enumerate(other.ranks):
            if rank:
                self._raise(register, rank, other.minhashes[register])
        self.cached = 0

    def without_minhash(self) -> Sketch:
        """Return the sketch without its minhashes."""
        plain = Sketch(self.index_bits)
        plain.ranks = self.ranks
        return plain

    def folded(self, index_bits: int) -> Sketch:
        """Return the sketch with fewer registers.

        Raises:
            OpError: It has a minhash, or no more registers than that; code 26.
        """
        if index_bits > self.index_bits or self.minhash_bits:
            raise OpError(ERR_OP_NOT_APPLICABLE)
        sketch = Sketch(*checked(index_bits, 0))
        for register, rank in enumerate(self.ranks):
            at = register & (1 << index_bits) - 1
            sketch.ranks[at] = max(sketch.ranks[at], rank)
        return sketch

    def estimate(self) -> int:
        """Estimate how many different values were added."""
        registers = len(self.ranks)
        counts = [0] * (_MAX_RANK + 1)
        for rank in self.ranks:
            counts[rank] += 1
        total = registers * _tau(1 - counts[_MAX_RANK] / registers)
        total = reduce(lambda z, rank: (z + counts[rank]) / 2, range(_MAX_RANK - 1, 0, -1), total)
        total += registers * _sigma(counts[0] / registers)
        return 0 if math.isinf(total) else round(registers * registers / (2 * math.log(2) * total))


def checked(index_bits: int, minhash_bits: int) -> tuple[int, int]:
    """Return the shape of a sketch if there can be one.

    Raises:
        OpError: There cannot; code 4.
    """
    if not MIN_INDEX_BITS <= index_bits <= MAX_INDEX_BITS:
        raise OpError(ERR_PARAMETER)
    if minhash_bits and not MIN_MINHASH_BITS <= minhash_bits <= MAX_MINHASH_BITS:
        raise OpError(ERR_PARAMETER)
    if index_bits + minhash_bits > 64:
        raise OpError(ERR_PARAMETER)
    return index_bits, minhash_bits


def _sigma(x: float) -> float:
    if x == 1:
        return math.inf
    y, z = 1.0, x
    while True:
        x *= x
        before = z
        z += x * y
        y += y
        if z == before:
            return z


def _tau(x: float) -> float:
    if x in (0, 1):
        return 0.0
    y, z = 1.0, 1 - x
    while True:
        x = math.sqrt(x)
        before = z
        y /= 2
        z -= (1 - x) ** 2 * y
        if z == before:
            return z / 3
