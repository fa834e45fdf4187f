"""The arguments of an operation, which follow the operation's code in the request."""

from __future__ import annotations

from .. import msgpack


class Arguments:
    """Arguments by position; whatever is missing or of the wrong type is code 4.

    Attributes:
        items: The arguments as received.
    """

    __slots__ = ("items",)

    def __init__(self, items: list[bytes]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def value(self, index: int) -> bytes:
        """Return an argument as received."""
        if index >= len(self.items):
            raise msgpack.malformed()
        return self.items[index]

    def given(self, index: int) -> bytes | None:
        """Return an argument that may be left out."""
        return self.items[index] if index < len(self.items) else None

    def number(self, index: int, default: int | None = None) -> int:
        """Return an integer argument."""
        if default is not None and index >= len(self.items):
            return default
        number = msgpack.integer(self.value(index))
        if number is None:
            raise msgpack.malformed()
        return number

    def count(self, index: int) -> int | None:
        """Return how many elements are wanted, None for all.

        The server reads the number without its sign, so a negative one is more than there are.
        """
        if index >= len(self.items):
            return None
        count = self.number(index)
        return None if count < 0 else count

    def values(self, index: int) -> list[bytes]:
        """Return the elements of a list argument."""
        data = self.value(index)
        if not msgpack.is_list(data):
            raise msgpack.malformed()
        return msgpack.elements(data)[1]


def window(index: int, count: int | None, size: int) -> range:
    """Return the positions of a range that may begin before or end after the collection.

    Args:
        index: Where it begins, negative from the end.
        count: How many positions, None for all that follow.
        size: How many there are.
    """
    start = index + size if index < 0 else index
    stop = size if count is None else min(size, start + count)
    return range(min(max(start, 0), size), max(stop, 0))


def relative(base: int, offset: int, count: int | None, size: int) -> range:
    """Return the positions of a range that begins `offset` away from `base`."""
    start = base + offset
    stop = size if count is None else min(size, start + count)
    return range(min(max(start, 0), size), max(stop, 0))


def position(index: int, size: int) -> int | None:
    """Return the position of an index, or None if there is no such position."""
    at = index + size if index < 0 else index
    return at if 0 <= at < size else None
