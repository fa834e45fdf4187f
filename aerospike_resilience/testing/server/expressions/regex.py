"""POSIX regular expressions, as the server's C library reads them, for Python's `re`.

The flags are those of the clients' regular expression classes, which are `regcomp`'s.
"""

from __future__ import annotations

import re
from typing import Final

EXTENDED: Final = 1
ICASE: Final = 2
NEWLINE: Final = 8

_CLASSES: Final = {
    b"alpha": rb"a-zA-Z",
    b"digit": rb"0-9",
    b"alnum": rb"a-zA-Z0-9",
    b"upper": rb"A-Z",
    b"lower": rb"a-z",
    b"space": rb" \t\n\r\f\v",
    b"blank": rb" \t",
    b"punct": rb"!-/:-@\[-`{-~",
    b"print": rb" -~",
    b"graph": rb"!-~",
    b"cntrl": rb"\x00-\x1f\x7f",
    b"xdigit": rb"0-9A-Fa-f",
}
_CLASS: Final = re.compile(rb"\[:([a-z]+):\]")
_SWAPPED: Final = frozenset(b"(){}|+?")
"""Special with a backslash in a basic expression, without one in an extended one."""
_ESCAPES: Final = {
    ord("<"): rb"\b(?=\w)",
    ord(">"): rb"\b(?<=\w)",
    ord("`"): rb"\A",
    ord("'"): rb"\Z",
}
_KEPT_ESCAPES: Final = frozenset(b"wWsSbB123456789")


def translate(pattern: bytes, flags: int) -> tuple[bytes, int]:
    """Return the pattern and flags that mean the same to `re`."""
    options = re.IGNORECASE if flags & ICASE else 0
    options |= re.MULTILINE if flags & NEWLINE else re.DOTALL
    parts: list[bytes] = []
    pos = 0
    while pos < len(pattern):
        char = pattern[pos]
        if char == ord("["):
            part, pos = _bracket(pattern, pos)
        elif char == ord("\\") and pos + 1 < len(pattern):
            part, pos = _escaped(pattern[pos + 1], flags), pos + 2
        else:
            part, pos = _plain(char, flags), pos + 1
        parts.append(part)
    return b"".join(parts), int(options)


def _plain(char: int, flags: int) -> bytes:
    if char == ord("$") and not flags & NEWLINE:
        return rb"\Z"
    if char in _SWAPPED and not flags & EXTENDED:
        return re.escape(bytes((char,)))
    return bytes((char,)) if char in b".*^$(){}|+?" else re.escape(bytes((char,)))


def _escaped(char: int, flags: int) -> bytes:
    if char in _SWAPPED and not flags & EXTENDED:
        return bytes((char,))
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char in _KEPT_ESCAPES:
        return b"\\" + bytes((char,))
    return re.escape(bytes((char,)))


def _bracket(pattern: bytes, pos: int) -> tuple[bytes, int]:
    """Translate `[...]`, in which a backslash is an ordinary character."""
    start = pos + 1
    negated = pattern[start : start + 1] == b"^"
    start += negated
    end = start + 1
    while end < len(pattern) and pattern[end] != ord("]"):
        named = _CLASS.match(pattern, end)
        end = named.end() if named else end + 1
    if end >= len(pattern):
        raise re.error("unterminated bracket")
    named = _CLASS.match(pattern, start)
    if named and named.end() > end:
        end = named.end()
    body = pattern[start:end].replace(b"\\", b"\\\\")
    body = _CLASS.sub(lambda found: _class(found[1]), body)
    if body[:1] == b"]":
        body = b"\\" + body
    body = body.replace(b"[", b"\\[").replace(b"\\\\[", b"\\[")
    return (b"[^" if negated else b"[") + body + b"]", end + 1


def _class(name: bytes) -> bytes:
    try:
        return _CLASSES[name]
    except KeyError:
        raise re.error("unknown character class") from None
