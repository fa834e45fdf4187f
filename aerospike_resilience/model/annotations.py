"""Writing on an exception that is about to be raised, for the reader's sake.

It may be anybody's: frozen, with properties of its own, from a native extension. What it does not take is
left out, and no failure to write takes its place.
"""

from __future__ import annotations

import contextlib


def set_attribute(error: BaseException, name: str, value: object) -> bool:
    """Set an attribute, if the error takes it; return whether it did."""
    try:
        setattr(error, name, value)
    except Exception:  # noqa: BLE001 - a setter of anybody's
        return False
    return True


def add_note(error: BaseException, text: str) -> None:
    """Add a note, if the error takes one."""
    with contextlib.suppress(Exception):
        error.add_note(text)


def read(error: BaseException, name: str, default: object = None) -> object:
    """Return an attribute; `default` where there is none, or it cannot be read."""
    try:
        return getattr(error, name, default)
    except Exception:  # noqa: BLE001 - a property of anybody's
        return default
