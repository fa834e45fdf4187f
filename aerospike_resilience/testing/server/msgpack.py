"""The server's MessagePack dialect: a value stays bytes and is parsed only where needed.

Conventions, seen in every recorded exchange and documented for Aerospike's collections:

* integers take their shortest form, floats are always doubles;
* strings and blobs are both MessagePack strings whose first byte is the particle type
  (3 text, 4 blob, 23 GeoJSON); bare texts such as bin names have no such byte;
* an ordered collection starts with an extension that counts as an element (in a map as a
  key whose value is nil), the extension's type being the flags: 1 ordered, 3 ordered by key and
  value, 8 keep this order;
* extension type -1 is not a value: data 1 is infinity, data 0 the wildcard.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from .errors import ERR_PARAMETER, OpError
from .wire import BLOB, BOOL, FLOAT, GEOJSON, INTEGER, LIST, MAP, Bin

MAX_DEPTH: Final = 100
"""Deeper nesting than this is refused, so that hostile input cannot exhaust the stack."""

ORDERED: Final = 1
KEY_VALUE_ORDERED: Final = 3
KEEP_ORDER: Final = 8
_ORDER_FLAGS: Final = 0x0B

NIL: Final = b"\xc0"
FALSE: Final = b"\xc2"
TRUE: Final = b"\xc3"
INFINITY: Final = b"\xd4\xff\x01"
WILDCARD: Final = b"\xd4\xff\x00"

_DOUBLE: Final = Struct(">d")
_SINGLE: Final = Struct(">f")

# First byte to (bytes of the head, bytes of data); for texts and extensions "data" is read
# from the head's length, for collections it is the number of elements.
_FIXED: Final = {
    **dict.fromkeys((0xC0, 0xC2, 0xC3), 0),
    0xCA: 4,
    0xCB: 8,
    0xCC: 1,
    0xCD: 2,
    0xCE: 4,
    0xCF: 8,
    0xD0: 1,
    0xD1: 2,
    0xD2: 4,
    0xD3: 8,
    0xD4: 2,
    0xD5: 3,
    0xD6: 5,
    0xD7: 9,
    0xD8: 17,
}
_TEXTS: Final = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
_EXTENSIONS: Final = {0xC7: 1, 0xC8: 2, 0xC9: 4}
_LISTS: Final = {0xDC: 2, 0xDD: 4}
_MAPS: Final = {0xDE: 2, 0xDF: 4}


def malformed() -> OpError:
    """Return the error for bytes that are no value: 4, as the server answers."""
    return OpError(ERR_PARAMETER, "malformed value")


def _head(data: bytes, pos: int) -> tuple[int, int]:
    """Return where a value's own bytes end, and how many elements follow them."""
    try:
        first = data[pos]
    except IndexError:
        raise malformed() from None
    pos += 1
    if first < 0x80 or first >= 0xE0:
        return pos, 0
    if first < 0x90:
        return pos, 2 * (first & 0x0F)
    if first < 0xA0:
        return pos, first & 0x0F
    if first < 0xC0:
        return pos + (first & 0x1F), 0
    fixed = _FIXED.get(first)
    if fixed is not None:
        return pos + fixed, 0
    for table, extra, factor in (
        (_TEXTS, 0, 0),
        (_LISTS, 0, 1),
        (_MAPS, 0, 2),
        (_EXTENSIONS, 1, 0),
    ):
        width = table.get(first)
        if width is not None:
            size = int.from_bytes(data[pos : pos + width])
            pos += width
            return (pos, factor * size) if factor else (pos + extra + size, 0)
    raise malformed()


def skip(data: bytes, pos: int = 0) -> int:
    """Return where the value that starts at `pos` ends.

    The time is bounded by the number of bytes, whatever lengths they claim.

    Raises:
        OpError: It is truncated, too deeply nested, or not a value; code 4.
    """
    end = len(data)
    pos, count = _head(data, pos)
    open_: list[int] = []
    while True:
        if pos > end or count > end - pos:
            raise malformed()
        if count:
            open_.append(count)
            if len(open_) > MAX_DEPTH:
                raise malformed()
        while open_ and not open_[-1]:
            open_.pop()
        if not open_:
            return pos
        open_[-1] -= 1
        pos, count = _head(data, pos)


def check(data: bytes) -> bytes:
    """Return the bytes if they are exactly one value.

    Raises:
        OpError: They are not; code 4.
    """
    if skip(data) != len(data):
        raise malformed()
    return data


def is_list(data: bytes) -> bool:
    """Tell whether a value is a list."""
    return 0x90 <= data[0] <= 0x9F or data[0] in _LISTS


def is_map(data: bytes) -> bool:
    """Tell whether a value is a map."""
    return 0x80 <= data[0] <= 0x8F or data[0] in _MAPS


def is_extension(data: bytes) -> bool:
    """Tell whether a value is an extension: a marker, infinity or the wildcard."""
    return data[0] in _EXTENSIONS or 0xD4 <= data[0] <= 0xD8


def elements(data: bytes) -> tuple[int, list[bytes]]:
    """Parse a collection.

    Args:
        data: A list or a map, and nothing after it.

    Returns:
        The order flags (0 without a marker) and the elements; keys and values in turn for a map.

    Raises:
        OpError: It is no collection, or malformed; code 4.
    """
    if not data or not (is_list(data) or is_map(data)):
        raise malformed()
    pos, count = _head(data, 0)
    if count > len(data) - pos:
        raise malformed()
    parts: list[bytes] = []
    for _ in range(count):
        after = skip(data, pos)
        parts.append(data[pos:after])
        pos = after
    if pos != len(data):
        raise malformed()
    flags = 0
    if parts and is_extension(parts[0]) and parts[0] not in (INFINITY, WILDCARD):
        flags = _extension_type(parts[0]) & _ORDER_FLAGS
        del parts[: 2 if is_map(data) else 1]
    return flags, parts


def _extension_type(data: bytes) -> int:
    width = _EXTENSIONS.get(data[0])
    return data[1 + width] if width is not None else data[1]


def integer(data: bytes) -> int | None:
    """Return a value as an integer, or None if it is none."""
    first = data[0]
    if first < 0x80:
        return first
    if first >= 0xE0:
        return first - 0x100
    if 0xCC <= first <= 0xCF:
        return int.from_bytes(data[1:])
    if 0xD0 <= first <= 0xD3:
        return int.from_bytes(data[1:], signed=True)
    return None


def double(data: bytes) -> float | None:
    """Return a value as a float, or None if it is none."""
    if data[0] == 0xCB:
        return float(_DOUBLE.unpack_from(data, 1)[0])
    return float(_SINGLE.unpack_from(data, 1)[0]) if data[0] == 0xCA else None


def text(data: bytes) -> bytes | None:
    """Return the bytes of a string or blob, particle type byte included, or None."""
    first = data[0]
    if 0xA0 <= first <= 0xBF:
        return data[1:]
    width = _TEXTS.get(first)
    return None if width is None else data[1 + width :]


def pack_integer(value: int) -> bytes:
    """Write an integer in its shortest form, wrapped to 64 bits."""
    if not -(1 << 63) <= value < 1 << 64:
        value &= (1 << 64) - 1
    if value >= 0:
        if value < 0x80:
            return bytes((value,))
        for first, width in ((0xCC, 1), (0xCD, 2), (0xCE, 4)):
            if value >> 8 * width == 0:
                return bytes((first,)) + value.to_bytes(width)
        return b"\xcf" + value.to_bytes(8)
    if value >= -32:
        return bytes((value + 0x100,))
    for first, width in ((0xD0, 1), (0xD1, 2), (0xD2, 4)):
        if value >= -(1 << 8 * width - 1):
            return bytes((first,)) + value.to_bytes(width, signed=True)
    return b"\xd3" + value.to_bytes(8, signed=True)


def pack_double(value: float) -> bytes:
    """Write a float."""
    return b"\xcb" + _DOUBLE.pack(value)


def pack_bool(value: object) -> bytes:
    """Write a boolean."""
    return TRUE if value else FALSE


def pack_text(value: bytes) -> bytes:
    """Write a string or blob whose first byte is its particle type, or a bare text."""
    size = len(value)
    if size < 32:
        return bytes((0xA0 | size,)) + value
    for first, width in ((0xD9, 1), (0xDA, 2)):
        if size >> 8 * width == 0:
            return bytes((first,)) + size.to_bytes(width) + value
    return b"\xdb" + size.to_bytes(4) + value


def pack_list(items: list[bytes], flags: int = 0) -> bytes:
    """Write a list of values already written, with its marker if it has flags."""
    if flags:
        items = [bytes((0xC7, 0, flags)), *items]
    return _count(len(items), 0x90, 0xDC) + b"".join(items)


def pack_map(items: list[bytes], flags: int = 0) -> bytes:
    """Write a map of keys and values in turn, with its marker if it has flags."""
    if flags:
        items = [bytes((0xC7, 0, flags)), NIL, *items]
    return _count(len(items) // 2, 0x80, 0xDE) + b"".join(items)


def _count(count: int, small: int, large: int) -> bytes:
    if count < 16:
        return bytes((small | count,))
    if count < 0x10000:
        return bytes((large,)) + count.to_bytes(2)
    return bytes((large + 1,)) + count.to_bytes(4)


def to_bin(data: bytes) -> Bin | None:
    """Return a value as a bin; nil is no bin at all."""
    first = data[0]
    if first == 0xC0:
        return None
    if first in (0xC2, 0xC3):
        return BOOL, bytes((first & 1,))
    number = integer(data)
    if number is not None:
        return INTEGER, (number & 0xFFFFFFFFFFFFFFFF).to_bytes(8)
    real = double(data)
    if real is not None:
        return FLOAT, _DOUBLE.pack(real)
    body = text(data)
    if body is not None:
        return _text_bin(body)
    if is_list(data):
        return LIST, data
    if is_map(data):
        return MAP, data
    raise malformed()


def _text_bin(body: bytes) -> Bin:
    if not body:
        return BLOB, b""
    if body[0] == GEOJSON:
        return GEOJSON, b"\x00\x00\x00" + body[1:]
    return body[0], body[1:]


def from_bin(particle: int, raw: bytes) -> bytes:
    """Return a bin as a value inside a collection.

    Raises:
        OpError: No such particle can be in a collection; code 4.
    """
    if particle == INTEGER:
        return pack_integer(int.from_bytes(raw, signed=True))
    if particle == FLOAT:
        return b"\xcb" + raw
    if particle == BOOL:
        return pack_bool(raw != b"\x00")
    if particle in (LIST, MAP):
        return raw
    if particle == GEOJSON:
        cells = int.from_bytes(raw[1:3])
        return pack_text(bytes((GEOJSON,)) + raw[3 + 8 * cells :])
    if particle == 0:
        return NIL
    return pack_text(bytes((particle,)) + raw)
