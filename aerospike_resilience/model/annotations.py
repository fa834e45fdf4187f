"""Annotations: write attributes and notes on an exception that is about to be raised.

The exception may be of any class: frozen, with its own properties, from a native extension. What cannot
be set on it is left out, and no such failure hides the exception.
"""

from __future__ import annotations

import contextlib


def set_attribute(error: BaseException, name: str, value: object) -> bool:
    """Set an attribute, if the error takes it; return whether it did."""
    try:
        setattr(error, name, value)
    except Exception:  # noqa: BLE001 - a foreign setter may raise anything
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
    except Exception:  # noqa: BLE001 - a foreign property may raise anything
        return default
