"""HyperLogLog operations, the same in shape as those of collections and bits.

The payload is `[code, arguments...]`; write flags are 1 create only, 2 update only, 4 no failure,
8 fold where the shapes differ. Each operation takes only some of them. No failure forgives only what create
only and update only forbid: the rules are those of `particle_hll.c` in the server's public source.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from . import msgpack
from .bits import CREATE_ONLY, NO_FAIL, UPDATE_ONLY, check_flags, parse
from .cdt.arguments import Arguments
from .errors import (
    ERR_BIN_NOT_FOUND,
    ERR_INCOMPATIBLE_TYPE,
    ERR_OP_NOT_APPLICABLE,
    ERR_PARAMETER,
    OpError,
)
from .sketch import MAX_INDEX_BITS, MIN_INDEX_BITS, Sketch, checked
from .wire import HLL, Bin

ALLOW_FOLD: Final = 8
_UNSET: Final = -1

Answer = Bin | None


def read(particle: int, raw: bytes, payload: bytes) -> Bin | None:
    """Carry out an operation that reads.

    Args:
        particle: The bin's type.
        raw: The bin's bytes.
        payload: The operation.

    Returns:
        The answer.

    Raises:
        OpError: The payload is malformed (4) or the bin is no sketch (12).
    """
    code, args = parse(payload)
    if code not in _READERS:
        raise msgpack.malformed()
    if particle != HLL:
        raise OpError(ERR_INCOMPATIBLE_TYPE)
    if len(args) != (0 if code in (_COUNT, _DESCRIBE) else 1):
        raise msgpack.malformed()
    return _READERS[code](Sketch.decode(raw), args)


def modify(
    particle: int | None, raw: bytes | None, payload: bytes
) -> tuple[Bin | None, Bin | None]:
    """Carry out an operation that changes the bin.

    Args:
        particle: The bin's type, None if there is no such bin.
        raw: The bin's bytes, None if there is no such bin.
        payload: The operation.

    Returns:
        The bin from now on, and the answer.

    Raises:
        OpError: As in `read`; also 6 and 17 where a write flag or a missing bin forbids the
            change, and 26 where the shapes of the sketches do.
    """
    code, args = parse(payload)
    if code not in _MODIFIERS:
        raise msgpack.malformed()
    change, fewest, flags_at, allowed = _MODIFIERS[code]
    current = None if particle is None or raw is None else (particle, raw)
    if current is not None and current[0] != HLL:
        raise OpError(ERR_INCOMPATIBLE_TYPE)
    if not fewest <= len(args) <= flags_at + bool(allowed):
        raise msgpack.malformed()
    flags = args.number(flags_at, 0)
    if flags & ~allowed or (flags & CREATE_ONLY and flags & UPDATE_ONLY):
        raise OpError(ERR_PARAMETER, "no such flags for this operation")
    parsed = change(args)
    try:
        check_flags(flags, current)
    except OpError:
        if flags & NO_FAIL:
            return current, None
        raise
    sketch, answer = parsed(None if current is None else Sketch.decode(current[1]), flags)
    return (HLL, sketch.encode()), answer


def _number(value: int) -> Bin | None:
    return msgpack.to_bin(msgpack.pack_integer(value))


def _shape(args: Arguments, at: int) -> tuple[int, int]:
    """Return the wanted bits of index and minhash, `_UNSET` for either that is left open.

    Raises:
        OpError: There can be no such sketch; code 4.
    """
    index_bits, minhash_bits = args.number(at, _UNSET), args.number(at + 1, _UNSET)
    # What is left open must not forbid what is given.
    checked(
        MIN_INDEX_BITS if index_bits == _UNSET else index_bits,
        0 if minhash_bits == _UNSET else minhash_bits,
    )
    return index_bits, minhash_bits


Parsed = Callable[[Sketch | None, int], tuple[Sketch, Answer]]
"""Carries out an operation whose arguments are in order, given the present sketch and the write flags."""


def _init(args: Arguments) -> Parsed:
    index_bits, minhash_bits = _shape(args, 0)
    return lambda sketch, _: (_initialised(sketch, index_bits, minhash_bits), None)


def _initialised(sketch: Sketch | None, index_bits: int, minhash_bits: int) -> Sketch:
    if index_bits == _UNSET:
        if sketch is None:
            raise OpError(ERR_OP_NOT_APPLICABLE, "no index bits")
        index_bits = sketch.index_bits
    if minhash_bits == _UNSET:
        minhash_bits = 0 if sketch is None else sketch.minhash_bits
    try:
        return Sketch(*checked(index_bits, minhash_bits))
    except OpError:
        raise OpError(ERR_OP_NOT_APPLICABLE, "no such shape") from None


def _add(args: Arguments) -> Parsed:
    values = args.values(0)
    if not values or any(msgpack.is_list(each) or msgpack.is_map(each) for each in values):
        raise OpError(ERR_PARAMETER, "no values, or collections among them")
    shape = _shape(args, 1)

    def add(sketch: Sketch | None, _: int) -> tuple[Sketch, Answer]:
        if sketch is None:
            sketch = _initialised(None, *shape)
        return sketch, _number(sum([sketch.add(value) for value in values]))

    return add


def _set_union(args: Arguments) -> Parsed:
    others = _sketches(args)

    def unite(sketch: Sketch | None, flags: int) -> tuple[Sketch, Answer]:
        if sketch is None:
            return _united(others), None
        minhashes = {each.minhash_bits for each in others}
        shrinks = sketch.index_bits > min(each.index_bits for each in others)
        loses_hashes = sketch.minhash_bits and minhashes != {sketch.minhash_bits}
        if not flags & ALLOW_FOLD and (shrinks or loses_hashes):
            raise OpError(ERR_OP_NOT_APPLICABLE, "the shapes differ")
        return _united([sketch, *others]), None

    return unite


def _refresh(_: Arguments) -> Parsed:
    def refresh(sketch: Sketch | None, _: int) -> tuple[Sketch, Answer]:
        if sketch is None:
            raise OpError(ERR_BIN_NOT_FOUND)
        sketch.cached = sketch.estimate()
        return sketch, _number(sketch.cached)

    return refresh


def _fold(args: Arguments) -> Parsed:
    index_bits, _ = _shape(args, 0)

    def fold(sketch: Sketch | None, _: int) -> tuple[Sketch, Answer]:
        if sketch is None:
            raise OpError(ERR_BIN_NOT_FOUND)
        # The server takes bits that are left open for more than there can be.
        return sketch.folded(MAX_INDEX_BITS + 1 if index_bits == _UNSET else index_bits), None

    return fold


_CREATING: Final = CREATE_ONLY | UPDATE_ONLY | NO_FAIL

# What reads its arguments, how many it needs, which one holds the write flags, and which of them it takes.
_MODIFIERS: Final[dict[int, tuple[Callable[[Arguments], Parsed], int, int, int]]] = {
    0: (_init, 0, 2, _CREATING),
    1: (_add, 1, 3, CREATE_ONLY | NO_FAIL),
    2: (_set_union, 1, 1, _CREATING | ALLOW_FOLD),
    3: (_refresh, 0, 0, 0),
    4: (_fold, 1, 1, 0),
}


def _sketches(args: Arguments) -> list[Sketch]:
    bodies = [msgpack.text(value) for value in args.values(0)]
    sketches = [Sketch.decode(body[1:]) for body in bodies if body]
    if not sketches or len(sketches) != len(bodies):
        raise OpError(ERR_PARAMETER)
    return sketches


def _united(sketches: list[Sketch]) -> Sketch:
    """Return the union, folded to the smallest of them; a minhash stays only if all have it."""
    index_bits = min(each.index_bits for each in sketches)
    minhash = {each.minhash_bits for each in sketches}
    union = Sketch(index_bits, minhash.pop() if len(minhash) == 1 else 0)
    for each in sketches:
        if each.minhash_bits != union.minhash_bits:
            each = each.without_minhash()
        union.merge(each if each.index_bits == index_bits else each.folded(index_bits))
    return union


def _count(sketch: Sketch, _: Arguments) -> Answer:
    return _number(sketch.estimate())


def _union(sketch: Sketch, args: Arguments) -> Answer:
    return HLL, _united([sketch, *_sketches(args)]).encode()


def _union_count(sketch: Sketch, args: Arguments) -> Answer:
    return _number(_united([sketch, *_sketches(args)]).estimate())


def _shared(sketch: Sketch, args: Arguments) -> tuple[float, int]:
    """Return which part of all that several sketches have seen all of them have, and how much all is.

    Sketches with minhashes are compared register by register; of others, only two can be.
    """
    sketches = [sketch, *_sketches(args)]
    union = _united(sketches)
    total = union.estimate()
    shapes = {(each.index_bits, each.minhash_bits) for each in sketches}
    if len(shapes) == 1 and sketch.minhash_bits:
        filled = [register for register, rank in enumerate(union.ranks) if rank]
        alike = sum(len({each.register(at) for each in sketches}) == 1 for at in filled)
        return (alike / len(filled) if filled else 0.0), total
    if len(sketches) > 2:
        minhashes = {each.minhash_bits for each in sketches}
        raise OpError(ERR_PARAMETER if len(minhashes) == 1 else ERR_OP_NOT_APPLICABLE)
    both = max(0, sketch.estimate() + sketches[1].estimate() - total)
    return (both / total if total else 0.0), total


def _intersect_count(sketch: Sketch, args: Arguments) -> Answer:
    part, total = _shared(sketch, args)
    return _number(round(part * total))


def _similarity(sketch: Sketch, args: Arguments) -> Answer:
    return msgpack.to_bin(msgpack.pack_double(_shared(sketch, args)[0]))


def _describe(sketch: Sketch, _: Arguments) -> Answer:
    shape = (sketch.index_bits, sketch.minhash_bits)
    return msgpack.to_bin(msgpack.pack_list([msgpack.pack_integer(each) for each in shape]))


def _may_contain(sketch: Sketch, args: Arguments) -> Answer:
    return _number(int(all(sketch.may_contain(value) for value in args.values(0))))


_COUNT: Final = 50
_DESCRIBE: Final = 55
_READERS: Final[dict[int, Callable[[Sketch, Arguments], Answer]]] = {
    _COUNT: _count,
    51: _union,
    52: _union_count,
    53: _intersect_count,
    54: _similarity,
    _DESCRIBE: _describe,
    56: _may_contain,
}
