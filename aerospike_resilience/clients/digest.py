"""The partition of a record, for clients that do not tell it.

A record's digest is RIPEMD-160 over its set, a byte for the key's type and the key; its partition is
the low twelve bits of the digest's first two bytes (Aerospike's wire protocol).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final


def _ripemd160() -> Callable[[bytes], bytes]:
    """Return the hash. OpenSSL's is some hundred times quicker than ours, and not in every build."""
    if "ripemd160" not in hashlib.algorithms_available:
        from ..testing.digest import ripemd160

        return ripemd160
    empty = hashlib.new("ripemd160")

    def digest(data: bytes) -> bytes:
        state = empty.copy()  # to look the algorithm up again would take as long as the hash itself
        state.update(data)
        return state.digest()

    return digest


_HASH: Final = _ripemd160()


def partition_of(key: tuple[Any, ...]) -> int:
    """Return the partition of ``(namespace, set, user key[, digest])``, 0 to 4095.

    Raises:
        TypeError: the user key is none, and there is no digest.
    """
    user_key = key[2]
    if isinstance(user_key, str):
        data = b"\x03" + user_key.encode()
    elif isinstance(user_key, int) and not isinstance(user_key, bool):
        data = b"\x01" + user_key.to_bytes(8, "big", signed=True)
    elif isinstance(user_key, bytes | bytearray):
        data = b"\x04" + bytes(user_key)
    elif user_key is None and len(key) > 3 and key[3] is not None:
        return int.from_bytes(bytes(key[3][:2]), "little") & 4095
    else:
        raise TypeError(f"a user key is an int, str or bytes, not {type(user_key).__name__}")
    return int.from_bytes(_HASH((key[1] or "").encode() + data)[:2], "little") & 4095
