"""Plain Python values to and from the server's MessagePack dialect, for readable tests."""

from aerospike_resilience.testing.server import cdt, msgpack
from aerospike_resilience.testing.server.wire import BOOL, FLOAT, INTEGER, LIST, MAP, STRING

INF = object()
WILD = object()


class Ordered(list):
    """A list or the items of a map that keep themselves sorted."""


def pack(value):
    """Write a Python value; a dict keeps the order of its keys."""
    if value is None:
        return msgpack.NIL
    if value is INF:
        return msgpack.INFINITY
    if value is WILD:
        return msgpack.WILDCARD
    if isinstance(value, bool):
        return msgpack.pack_bool(value)
    if isinstance(value, int):
        return msgpack.pack_integer(value)
    if isinstance(value, float):
        return msgpack.pack_double(value)
    if isinstance(value, str):
        return msgpack.pack_text(b"\x03" + value.encode())
    if isinstance(value, bytes):
        return msgpack.pack_text(b"\x04" + value)
    if isinstance(value, dict):
        return msgpack.pack_map([pack(part) for item in value.items() for part in item])
    return msgpack.pack_list([pack(item) for item in value], int(isinstance(value, Ordered)))


def unpack(data):
    """Read a value; markers of order are dropped."""
    if data == msgpack.NIL:
        return None
    if data in (msgpack.TRUE, msgpack.FALSE):
        return data == msgpack.TRUE
    for read in (msgpack.integer, msgpack.double):
        if read(data) is not None:
            return read(data)
    body = msgpack.text(data)
    if body is not None:
        return body[1:].decode() if body[:1] == b"\x03" else body[1:]
    items = [unpack(item) for item in msgpack.elements(data)[1]]
    if msgpack.is_list(data):
        return items
    return dict(zip(items[::2], items[1::2], strict=True))


def unbin(found):
    """Read a bin."""
    if found is None:
        return None
    kind, raw = found
    if kind == INTEGER:
        return int.from_bytes(raw, signed=True)
    if kind == BOOL:
        return raw == b"\x01"
    if kind == FLOAT:
        return msgpack.double(b"\xcb" + raw)
    if kind == STRING:
        return raw.decode()
    return unpack(raw) if kind in (LIST, MAP) else raw


def op(code, *args, ctx=None):
    """Write an operation, with a context if there is one."""
    plain = msgpack.pack_list([pack(part) for part in (code, *args)])
    return plain if ctx is None else msgpack.pack_list([pack(255), pack(ctx), plain])


def stored(value):
    """Return a Python list or dict as a bin."""
    return (MAP if isinstance(value, dict) else LIST), cdt.canonical(pack(value))


def read(value, code, *args, ctx=None):
    """Carry out a reading operation on a Python value."""
    return unbin(cdt.read(*stored(value), op(code, *args, ctx=ctx)))


def change(value, code, *args, ctx=None):
    """Carry out a changing operation; returns the value from now on, and the answer."""
    particle, raw = (None, None) if value is None else stored(value)
    changed, answer = cdt.modify(particle, raw, op(code, *args, ctx=ctx))
    return unbin(changed), unbin(answer)
