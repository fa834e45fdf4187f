"""Adding to a number inside a collection."""

from __future__ import annotations

from .. import msgpack


def add(current: bytes | None, delta: bytes | None, sign: int = 1) -> bytes:
    """Return a number with another added to it.

    The result has the type of the number that is there; nothing or nil counts as zero of the
    delta's type. Integers wrap at 64 bits.

    Args:
        current: The number, if there is one.
        delta: What to add; one if left out.
        sign: -1 to subtract instead.

    Raises:
        OpError: Either is no number; code 4.
    """
    by = sign * (1 if delta is None else _number(delta))
    if current is None or current == msgpack.NIL:
        current = msgpack.pack_integer(0) if isinstance(by, int) else msgpack.pack_double(0.0)
    number = msgpack.integer(current)
    if number is not None:
        try:
            return _wrapped(number + int(by))
        except (OverflowError, ValueError):
            raise msgpack.malformed() from None
    real = msgpack.double(current)
    if real is None:
        raise msgpack.malformed()
    return msgpack.pack_double(real + by)


def _number(data: bytes) -> int | float:
    number = msgpack.integer(data)
    if number is not None:
        return number
    real = msgpack.double(data)
    if real is None:
        raise msgpack.malformed()
    return real


def _wrapped(value: int) -> bytes:
    return msgpack.pack_integer((value + (1 << 63)) % (1 << 64) - (1 << 63))
