"""Imports ``aerospike_native`` without letting it make uvloop the event loop of the whole process."""

from __future__ import annotations

import functools
import importlib
import os
from typing import Any, Final

_OPT_OUT: Final = "AEROSPIKE_NO_UVLOOP"


@functools.cache
def native() -> Any:
    """Return the package.

    An application that wraps one of its clients has imported it before, and has chosen whether to use
    uvloop. If nothing has imported it yet (on the command line), this function keeps it from installing
    uvloop.
    """
    if _OPT_OUT in os.environ:
        return importlib.import_module("aerospike_native")
    os.environ[_OPT_OUT] = "1"
    try:
        return importlib.import_module("aerospike_native")
    finally:
        del os.environ[_OPT_OUT]
