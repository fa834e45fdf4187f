"""Importing ``aerospike_native``, which otherwise makes uvloop the event loop of the whole process."""

from __future__ import annotations

import functools
import importlib
import os
from typing import Any, Final

_OPT_OUT: Final = "AEROSPIKE_NO_UVLOOP"


@functools.cache
def native() -> Any:
    """Return the package.

    It is imported when one of its clients was wrapped, so somebody has imported it before and chose
    about uvloop; where nobody has (the command line), it is kept from installing any.
    """
    if _OPT_OUT in os.environ:
        return importlib.import_module("aerospike_native")
    os.environ[_OPT_OUT] = "1"
    try:
        return importlib.import_module("aerospike_native")
    finally:
        del os.environ[_OPT_OUT]
