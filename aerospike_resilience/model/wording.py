"""Wording: parts of messages, such as a given value, shortened and without secrets, or a suggestion."""

from __future__ import annotations

import datetime
import difflib
import re
import reprlib
from collections.abc import Iterable
from typing import Final

MAX_SHOWN: Final = 100
"""The most characters of a given value in a message."""

MAX_KNOWN: Final = 40
"""The most known words in a message; of further words it gives the number."""

_NAMES: Final = {True: "true", False: "false", None: "null"}
"""How a policy file writes these values."""

_CREDENTIALS: Final = re.compile(r"\A(.*?//)?.*(?:@|%40)", re.DOTALL)
_QUERY: Final = re.compile(r"\?.*\Z", re.DOTALL)


class _Short(reprlib.Repr):
    """A ``repr`` cut in the middle if it is long, without what may be a user or a password."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = MAX_SHOWN

    def repr_str(self, x: str, level: int) -> str:
        """Hide secrets before the cut, which might remove what marks them."""
        return super().repr_str(redacted(x), level)

    def repr_bool(self, x: bool, _level: int) -> str:
        """Return the value as a policy file writes it."""
        return _NAMES[x]

    def repr_NoneType(self, x: None, _level: int) -> str:  # noqa: N802 - the name that `Repr` looks for
        """Return the value as a policy file writes it."""
        return _NAMES[x]

    def repr_instance(self, x: object, level: int) -> str:
        """Return dates as they are written, and other objects without possible secrets."""
        if isinstance(x, datetime.date):
            return x.isoformat()
        return redacted(super().repr_instance(x, level))

    repr_date = repr_datetime = repr_instance


_SHORT: Final = _Short()


def redacted(text: str) -> str:
    """Return text without what may be a user, a password or another secret of a URL in it.

    It hides the part before the last ``@``, and the query of anything that looks like a URL, even a
    malformed one: ``redis://***@host:6379/0?***``.
    """
    if "@" not in text and "//" not in text:
        return text
    return _QUERY.sub("?***", _CREDENTIALS.sub(lambda found: f"{found[1] or ''}***@", text))


def shown(value: object) -> str:
    """Return a value as a message shows it: cut in the middle if it is long, and without secrets."""
    try:
        return _SHORT.repr(value)
    except ValueError:  # a number with more digits than Python converts
        return f"a number of {type(value).__name__} too long to show"


def suggestion(word: object, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown word, in the form that all such messages share.

    ``; did you mean 'latency'? Known: batch, latency`` where a known word is similar, else ``. Known: …``.
    """
    words = list(known)
    found = difflib.get_close_matches(str(word), words, n=1, cutoff=0.6)
    listed = ", ".join(words[:MAX_KNOWN]) or "none"
    if len(words) > MAX_KNOWN:
        listed += f" and {len(words) - MAX_KNOWN} more"
    return (f"; did you mean {found[0]!r}? " if found else ". ") + f"Known: {listed}"


def counted(number: int, one: str, many: str = "") -> str:
    """Return ``1 file``, ``2 files``, ``no files``."""
    if number == 1:
        return f"1 {one}"
    return f"{number or 'no'} {many or one + 's'}"


def either(words: Iterable[str]) -> str:
    """Return ``'a', 'b' or 'c'``."""
    quoted = [repr(word) for word in words]
    return " or ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
