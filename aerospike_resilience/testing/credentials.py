"""Passwords as clients send them: bcrypt with the fixed salt of the protocol."""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib
from functools import lru_cache
from typing import Final

from .controller import ClusterError

SALT: Final = "$2a$10$7EqJtq98hPqEX7fNZaFWoO"


@lru_cache(maxsize=256)
def credential_of(password: str) -> str:
    """Return the credential that a client sends for a password.

    Args:
        password: The password.

    Returns:
        The bcrypt text.

    Raises:
        ClusterError: This machine has no bcrypt.
    """
    for hashed in (_by_libcrypt(password), _by_package(password)):
        if hashed is not None and hashed.startswith(SALT):
            return hashed
    raise ClusterError(
        "users= needs bcrypt, which this machine's libcrypt does not offer; pip install bcrypt"
    )


def _by_libcrypt(password: str) -> str | None:
    for name in (ctypes.util.find_library("crypt"), "libcrypt.so.1", "libcrypt.so.2"):
        if name is None:
            continue
        try:
            crypt = ctypes.CDLL(name).crypt
        except (OSError, AttributeError):
            continue
        crypt.restype = ctypes.c_char_p
        result = crypt(password.encode(), SALT.encode())
        return result.decode() if result else None
    return None


def _by_package(password: str) -> str | None:
    try:
        bcrypt = importlib.import_module("bcrypt")
    except ModuleNotFoundError:
        return None
    hashed: bytes = bcrypt.hashpw(password.encode(), SALT.encode())
    return hashed.decode()
