"""How messages name files, so that a reader can open them."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Final

SHIPPED: Final = "<shipped>"
"""Stands for the directory of the shipped profiles."""


@functools.cache
def shipped() -> Path:
    """Return the directory of the shipped profiles: in the package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "policies"
    return inside if inside.is_dir() else package.parent / "policies"


def name_of(path: Path) -> str:
    """Return the name of a file or directory for messages.

    It is relative to the working directory if that is shorter, such as ``policies/latency.yaml``. A
    shipped file is ``<shipped>/latency.yaml``.
    """
    whole = Path(os.path.abspath(path))  # noqa: PTH100 - without "..", and links left as they are
    home = shipped()
    if whole == home:
        return SHIPPED
    if whole.parent == home:
        return f"{SHIPPED}/{whole.name}"
    return from_here(whole)


def from_here(path: Path) -> str:
    """Return a path relative to the working directory if that is shorter, else the whole path."""
    whole = os.path.abspath(path)  # noqa: PTH100 - as above
    try:
        relative = os.path.relpath(whole)
    except (OSError, ValueError):  # the working directory was removed
        return whole
    return min(relative, whole, key=len)
