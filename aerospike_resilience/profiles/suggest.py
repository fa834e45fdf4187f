"""Words of a report: the nearest right one, and what was given, short enough to read."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable
from typing import Final

MAX_SHOWN: Final = 100
"""Characters of a given value in a report."""

_SHORT: Final = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = MAX_SHOWN


def nearest(word: object, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` where a known word is near, else nothing."""
    found = difflib.get_close_matches(str(word), list(known), n=1, cutoff=0.6)
    return f"; did you mean {found[0]!r}?" if found else ""


def shown(value: object) -> str:
    """Return a value as a report shows it, cut in the middle if it is long."""
    try:
        return _SHORT.repr(value)
    except ValueError:  # a number of more digits than Python writes out
        return f"a number of {type(value).__name__} too long to show"
