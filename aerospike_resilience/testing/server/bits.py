"""Bit operations on blobs.

Offsets and sizes count bits from the most significant one of the first byte, except in resize,
insert and remove, where they count bytes; a negative offset counts from the end. Bits after the end of the
blob answer 26, bytes after it and anything before its start 4. The payload is `[code, arguments...]`; write
flags are 1 create only, 2 update only, 4 no failure, 8 partial. Each operation takes only some of them, and
no failure forgives only what depends on the bin, not a malformed operation. Arguments that fit no blob
answer 4, whatever the bin is: the rules are those of `particle_blob.c` in the server's public source.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from . import msgpack
from .cdt.arguments import Arguments
from .errors import (
    ERR_BIN_EXISTS,
    ERR_BIN_NOT_FOUND,
    ERR_INCOMPATIBLE_TYPE,
    ERR_OP_NOT_APPLICABLE,
    ERR_PARAMETER,
    ERR_RECORD_TOO_BIG,
    OpError,
)
from .wire import BLOB, Bin

CREATE_ONLY: Final = 1
UPDATE_ONLY: Final = 2
NO_FAIL: Final = 4
PARTIAL: Final = 8

FROM_FRONT: Final = 1
GROW_ONLY: Final = 2
SHRINK_ONLY: Final = 4

SIGNED: Final = 1
SATURATE: Final = 2
WRAP: Final = 4
_EXCLUSIVE: Final = 6
"""The last two subflags exclude each other: grow and shrink only, saturate and wrap."""

MAX_BYTES: Final = 16 * 1024 * 1024
"""No record may be larger, so no blob is made that is."""
_LONGEST: Final = 128 * 1024 * 1024
"""Bytes of the largest message, and so of any offset or size."""
_WORD: Final = 64


class Span(NamedTuple):
    """Some bits of a blob.

    Attributes:
        data: The blob.
        start: The first bit.
        size: How many.
    """

    data: bytes
    start: int
    size: int

    @property
    def value(self) -> int:
        """The bits as an unsigned number."""
        first, last = self.start // 8, (self.start + self.size + 7) // 8
        spare = last * 8 - self.start - self.size
        return int.from_bytes(self.data[first:last]) >> spare & (1 << self.size) - 1

    def replaced(self, value: int) -> bytes:
        """Return the blob with these bits set to a number's lowest bits."""
        first, last = self.start // 8, (self.start + self.size + 7) // 8
        spare = last * 8 - self.start - self.size
        mask = (1 << self.size) - 1
        kept = int.from_bytes(self.data[first:last]) & ~(mask << spare)
        middle = (kept | (value & mask) << spare).to_bytes(last - first)
        return self.data[:first] + middle + self.data[last:]


def read(particle: int, raw: bytes, payload: bytes) -> Bin | None:
    """Carry out an operation that reads.

    Args:
        particle: The bin's type.
        raw: The bin's bytes.
        payload: The operation.

    Returns:
        The answer.

    Raises:
        OpError: The payload is malformed (4), the bits are out of range (26), or the bin is no
            blob (12).
    """
    code, args = parse(payload)
    if code not in _READERS:
        raise msgpack.malformed()
    reader, arguments = _READERS[code]
    if len(args) not in arguments:
        raise msgpack.malformed()
    _check_arguments(code, args)
    if code == _GET_INTEGER:
        check_subflags(args.number(2, 0), SIGNED)
    if particle != BLOB:
        raise OpError(ERR_INCOMPATIBLE_TYPE)
    return reader(_span(raw, args.number(0), args.number(1)), args)


def modify(
    particle: int | None, raw: bytes | None, payload: bytes
) -> tuple[Bin | None, Bin | None]:
    """Carry out an operation that changes the bin.

    Args:
        particle: The bin's type, None if there is no such bin.
        raw: The bin's bytes, None if there is no such bin.
        payload: The operation.

    Returns:
        The changed bin, and None, because these operations have no answer.

    Raises:
        OpError: As in `read`; also 6 and 17 where a write flag or a missing bin forbids the
            change, and 26 where a number overflows.
    """
    code, args = parse(payload)
    if code not in _MODIFIERS:
        raise msgpack.malformed()
    change, flags_at, allowed, subflags = _MODIFIERS[code]
    flags = args.number(flags_at, 0)
    if not flags_at <= len(args) <= flags_at + 1 + bool(subflags):
        raise msgpack.malformed()
    _check_arguments(code, args)
    if flags & ~allowed or (flags & CREATE_ONLY and flags & UPDATE_ONLY):
        raise OpError(ERR_PARAMETER, "no such flags for this operation")
    check_subflags(args.number(flags_at + 1, 0), subflags)
    current = None if particle is None or raw is None else (particle, raw)
    try:
        check_flags(flags if allowed & CREATE_ONLY else flags | UPDATE_ONLY, current)
        if current is not None and current[0] != BLOB:
            raise OpError(ERR_INCOMPATIBLE_TYPE)
        changed = change(b"" if current is None else current[1], args, flags)
    except _ForgivableError as error:
        if flags & NO_FAIL:
            return current, None
        raise OpError(error.code) from None
    return (current if current is None and not changed else (BLOB, changed)), None


class _ForgivableError(OpError):
    """What the flag "no failure" forgives."""

    __slots__ = ()


def check_flags(flags: int, current: Bin | None) -> None:
    """Refuse a write that its flags forbid.

    Raises:
        OpError: Create only, and there is a bin (6); update only, and there is none (17).
    """
    if flags & CREATE_ONLY and current is not None:
        raise _ForgivableError(ERR_BIN_EXISTS)
    if flags & UPDATE_ONLY and current is None:
        raise _ForgivableError(ERR_BIN_NOT_FOUND)


def check_subflags(flags: int, allowed: int) -> None:
    """Refuse subflags that an operation does not have, or that exclude each other.

    Raises:
        OpError: There are some; code 4.
    """
    if flags & ~allowed or flags & _EXCLUSIVE == _EXCLUSIVE:
        raise OpError(ERR_PARAMETER, "no such subflags")


def parse(payload: bytes) -> tuple[int, Arguments]:
    """Return an operation's code and arguments."""
    if not payload or not msgpack.is_list(payload):
        raise msgpack.malformed()
    items = msgpack.elements(payload)[1]
    code = msgpack.integer(items[0]) if items else None
    if code is None:
        raise msgpack.malformed()
    return code, Arguments(items[1:])


def _check_arguments(code: int, args: Arguments) -> None:
    """Refuse arguments that fit no blob.

    Raises:
        OpError: They do not; code 4.
    """
    first, longest = args.number(0), _LONGEST * (1 if code in _IN_BYTES else 8)
    fit = abs(first) <= longest and (code != _RESIZE or first >= 0)
    if code not in (_RESIZE, _INSERT):
        fit = fit and 0 < args.number(1) <= (_WORD if code in _ON_INTEGERS else longest)
    if code == _INSERT:
        fit = fit and bool(_blob(args.value(1)))
    elif code in _WITH_BLOB:
        fit = fit and len(_blob(args.value(2))) * 8 >= args.number(1)
    elif code in _SHIFTS:
        fit = fit and 0 <= args.number(2) <= longest
    elif code in _SCANS:
        fit = fit and args.value(2) in (msgpack.TRUE, msgpack.FALSE)
    if not fit:
        raise OpError(ERR_PARAMETER, "the arguments fit no blob")


def _check_size(size: int) -> None:
    if size >= _LONGEST:
        raise OpError(ERR_PARAMETER, "no message could hold it")
    if size > MAX_BYTES:
        raise OpError(ERR_RECORD_TOO_BIG)


def _span(
    data: bytes,
    offset: int,
    size: int,
    *,
    partial: bool = False,
    outside: int = ERR_OP_NOT_APPLICABLE,
) -> Span:
    bits = len(data) * 8
    start = offset + bits if offset < 0 else offset
    if start < 0:
        raise OpError(ERR_PARAMETER, "before the start")
    if start >= bits:
        raise _ForgivableError(outside, "out of range")
    if start + size > bits:
        if not partial:
            raise _ForgivableError(outside, "out of range")
        size = bits - start
    return Span(data, start, size)


def _blob(data: bytes) -> bytes:
    body = msgpack.text(data)
    if not body:
        raise msgpack.malformed()
    return body[1:]


def _number(value: int) -> Bin:
    return msgpack.to_bin(msgpack.pack_integer(value)) or (BLOB, b"")


def _get(span: Span, _: Arguments) -> Bin:
    width = (span.size + 7) // 8
    return BLOB, (span.value << width * 8 - span.size).to_bytes(width)


def _count(span: Span, _: Arguments) -> Bin:
    return _number(span.value.bit_count())


def _scan_left(span: Span, args: Arguments) -> Bin:
    value = _sought(span, args)
    return _number(span.size - value.bit_length() if value else -1)


def _scan_right(span: Span, args: Arguments) -> Bin:
    value = _sought(span, args)
    return _number(span.size - (value & -value).bit_length() if value else -1)


def _sought(span: Span, args: Arguments) -> int:
    """Return the bits, with the searched value as ones."""
    return span.value if args.value(2) == msgpack.TRUE else ~span.value & (1 << span.size) - 1


def _get_integer(span: Span, args: Arguments) -> Bin:
    value = span.value
    return _number(_signed(value, span.size) if args.number(2, 0) & SIGNED else value)


def _signed(value: int, size: int) -> int:
    return value - (1 << size) if value >> size - 1 else value


_RESIZE: Final = 0
_INSERT: Final = 1
_IN_BYTES: Final = (0, 1, 2)
_WITH_BLOB: Final = (3, 4, 5, 6)
_SHIFTS: Final = (8, 9)
_SCANS: Final = (52, 53)
_GET_INTEGER: Final = 54
_ON_INTEGERS: Final = (10, 11, 12, _GET_INTEGER)

# What it does, and how many arguments it takes.
_READERS: Final[dict[int, tuple[Callable[[Span, Arguments], Bin], tuple[int, ...]]]] = {
    50: (_get, (2,)),
    51: (_count, (2,)),
    52: (_scan_left, (3,)),
    53: (_scan_right, (3,)),
    54: (_get_integer, (2, 3)),
}

Change = Callable[[bytes, Arguments, int], bytes]


def _resize(data: bytes, args: Arguments, _: int) -> bytes:
    size, how = args.number(0), args.number(2, 0)
    if (how & GROW_ONLY and size < len(data)) or (how & SHRINK_ONLY and size > len(data)):
        raise _ForgivableError(ERR_PARAMETER, "the other direction is asked for only")
    _check_size(size)
    if how & FROM_FRONT:
        return data[max(len(data) - size, 0) :].rjust(size, b"\x00")
    return data[:size].ljust(size, b"\x00")


def _insert(data: bytes, args: Arguments, _: int) -> bytes:
    offset, blob = args.number(0), _blob(args.value(1))
    start = offset + len(data) if offset < 0 else offset
    if start < 0:
        raise OpError(ERR_PARAMETER, "before the start")
    _check_size(max(start, len(data)) + len(blob))
    return data[:start].ljust(start, b"\x00") + blob + data[start:]


def _remove(data: bytes, args: Arguments, flags: int) -> bytes:
    size = args.number(1)
    span = _span(
        data,
        args.number(0) * 8,
        size * 8,
        partial=bool(flags & PARTIAL),
        outside=ERR_PARAMETER,
    )
    return data[: span.start // 8] + data[(span.start + span.size) // 8 :]


def _with_blob(combine: Callable[[int, int], int]) -> Change:
    def change(data: bytes, args: Arguments, flags: int) -> bytes:
        size, blob = args.number(1), _blob(args.value(2))
        span = _span(data, args.number(0), size, partial=bool(flags & PARTIAL))
        width = (span.size + 7) // 8
        value = int.from_bytes(blob[:width]) >> width * 8 - span.size
        return span.replaced(combine(span.value, value))

    return change


def _not(data: bytes, args: Arguments, flags: int) -> bytes:
    span = _span(data, args.number(0), args.number(1), partial=bool(flags & PARTIAL))
    return span.replaced(~span.value)


def _shift(sign: int) -> Change:
    def change(data: bytes, args: Arguments, flags: int) -> bytes:
        span = _span(data, args.number(0), args.number(1), partial=bool(flags & PARTIAL))
        by = min(args.number(2), span.size)
        return span.replaced(span.value << by if sign > 0 else span.value >> by)

    return change


def _add(sign: int) -> Change:
    def change(data: bytes, args: Arguments, _: int) -> bytes:
        span = _span(data, args.number(0), args.number(1))
        how = args.number(4, 0)
        value, delta = span.value, args.number(2) & (1 << span.size) - 1
        low, high = 0, (1 << span.size) - 1
        if how & SIGNED:
            value, delta = _signed(value, span.size), _signed(delta, span.size)
            low, high = -(1 << span.size - 1), (1 << span.size - 1) - 1
        total = value + sign * delta
        if not low <= total <= high:
            if how & SATURATE:
                total = high if total > high else low
            elif not how & WRAP:
                raise _ForgivableError(ERR_OP_NOT_APPLICABLE, "overflow")
        return span.replaced(total)

    return change


def _set_integer(data: bytes, args: Arguments, _: int) -> bytes:
    span = _span(data, args.number(0), args.number(1))
    return span.replaced(args.number(2))


_CREATING: Final = CREATE_ONLY | UPDATE_ONLY | NO_FAIL
_CHANGING: Final = UPDATE_ONLY | NO_FAIL | PARTIAL
_COUNTING: Final = UPDATE_ONLY | NO_FAIL
_RESIZING: Final = FROM_FRONT | GROW_ONLY | SHRINK_ONLY
_ADDING: Final = SIGNED | SATURATE | WRAP

# What it does, which argument holds the write flags, which of them and which subflags it takes.
_MODIFIERS: Final[dict[int, tuple[Change, int, int, int]]] = {
    0: (_resize, 1, _CREATING, _RESIZING),
    1: (_insert, 2, _CREATING, 0),
    2: (_remove, 2, _CHANGING, 0),
    3: (_with_blob(lambda _, new: new), 3, _CHANGING, 0),
    4: (_with_blob(int.__or__), 3, _CHANGING, 0),
    5: (_with_blob(int.__xor__), 3, _CHANGING, 0),
    6: (_with_blob(int.__and__), 3, _CHANGING, 0),
    7: (_not, 2, _CHANGING, 0),
    8: (_shift(1), 3, _CHANGING, 0),
    9: (_shift(-1), 3, _CHANGING, 0),
    10: (_add(1), 3, _COUNTING, _ADDING),
    11: (_add(-1), 3, _COUNTING, _ADDING),
    12: (_set_integer, 3, _COUNTING, 0),
}
