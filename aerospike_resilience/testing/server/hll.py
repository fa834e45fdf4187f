"""HyperLogLog operations, the same in shape as those of collections and bits.

The payload is `[code, arguments...]`; write flags are 1 create only, 2 update only, 4 no failure,
8 fold where the shapes differ.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from . import msgpack
from .bits import NO_FAIL, UPDATE_ONLY, check_flags, parse
from .cdt.arguments import Arguments
from .errors import (
    ERR_BIN_NOT_FOUND,
    ERR_INCOMPATIBLE_TYPE,
    ERR_OP_NOT_APPLICABLE,
    ERR_PARAMETER,
    OpError,
)
from .sketch import Sketch, checked
from .wire import HLL, Bin

ALLOW_FOLD: Final = 8
_ADD: Final = 1

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
    change, flags_at = _MODIFIERS[code]
    flags = 0 if flags_at is None else args.number(flags_at, 0)
    current = None if particle is None or raw is None else (particle, raw)
    if current is not None and current[0] != HLL:
        raise OpError(ERR_INCOMPATIBLE_TYPE)
    try:
        check_flags(flags & ~UPDATE_ONLY if code == _ADD else flags, current)
        sketch = None if current is None else Sketch.decode(current[1])
        sketch, answer = change(sketch, args, flags)
    except OpError:
        if flags & NO_FAIL:
            return current, None
        raise
    return (HLL, sketch.encode()), answer


def _number(value: int) -> Bin | None:
    return msgpack.to_bin(msgpack.pack_integer(value))


def _shape(args: Arguments, at: int) -> tuple[int, int]:
    return args.number(at, -1), args.number(at + 1, -1)


def _init(sketch: Sketch | None, args: Arguments, _: int) -> tuple[Sketch, Answer]:
    index_bits, minhash_bits = _shape(args, 0)
    if index_bits < 0:
        if sketch is None:
            raise OpError(ERR_OP_NOT_APPLICABLE, "no index bits")
        index_bits = sketch.index_bits
    if minhash_bits < 0:
        minhash_bits = 0 if sketch is None else sketch.minhash_bits
    return Sketch(*checked(index_bits, minhash_bits)), None


def _add(sketch: Sketch | None, args: Arguments, flags: int) -> tuple[Sketch, Answer]:
    values = args.values(0)
    if flags & UPDATE_ONLY:
        raise OpError(ERR_PARAMETER, "not a flag of this operation")
    if sketch is None:
        sketch, _ = _init(None, Arguments(args.items[1:]), flags)
    changed = sum([sketch.add(value) for value in values])
    return sketch, _number(changed)


def _set_union(sketch: Sketch | None, args: Arguments, flags: int) -> tuple[Sketch, Answer]:
    others = _sketches(args)
    shapes = [each.index_bits for each in (*others, *([sketch] if sketch else []))]
    smallest = min(shapes)
    if (
        not flags & ALLOW_FOLD
        and smallest != max(shapes)
        and (sketch or others[0]).index_bits > (smallest)
    ):
        raise OpError(ERR_OP_NOT_APPLICABLE, "the shapes differ")
    return _united([*([sketch] if sketch else []), *others]), None


def _refresh(sketch: Sketch | None, _: Arguments, _flags: int) -> tuple[Sketch, Answer]:
    if sketch is None:
        raise OpError(ERR_BIN_NOT_FOUND)
    sketch.cached = sketch.estimate()
    return sketch, _number(sketch.cached)


def _fold(sketch: Sketch | None, args: Arguments, _flags: int) -> tuple[Sketch, Answer]:
    if sketch is None:
        raise OpError(ERR_BIN_NOT_FOUND)
    return sketch.folded(args.number(0)), None


Change = Callable[[Sketch | None, Arguments, int], tuple[Sketch, Answer]]

# What it does, and which argument holds the write flags.
_MODIFIERS: Final[dict[int, tuple[Change, int | None]]] = {
    0: (_init, 2),
    1: (_add, 3),
    2: (_set_union, 1),
    3: (_refresh, None),
    4: (_fold, None),
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


_READERS: Final[dict[int, Callable[[Sketch, Arguments], Answer]]] = {
    50: _count,
    51: _union,
    52: _union_count,
    53: _intersect_count,
    54: _similarity,
    55: _describe,
    56: _may_contain,
}
