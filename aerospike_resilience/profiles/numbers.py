"""Numbers that YAML 1.1 reads otherwise than whoever wrote them.

``0250`` is an octal number there, ``2:00`` one of base 60, and ``0b11`` and ``1_000`` are numbers, where
YAML 1.2, and so an editor, has text. ``0x1F`` is the same number to both.
"""

from __future__ import annotations

import re
from typing import Final

_PLAIN: Final = re.compile(
    r"[-+]?(?:0|[1-9]\d*|0x[0-9a-fA-F]+|(?:\d+\.\d*|\.\d+)(?:[eE][-+]?\d+)?|\.(?:inf|Inf|INF))"
    r"|\.(?:nan|NaN|NAN)",
    re.ASCII,
)


def misread(written: str, found: float) -> str:
    """Return why a number is not taken; empty if nobody can take it for another one.

    Args:
        written: the number as it stands in the file.
        found: what YAML reads.
    """
    if _PLAIN.fullmatch(written):
        return ""
    plain = written.replace("_", "")
    if ":" in written:
        base, instead = " of base 60", "write it as a plain number, or with a unit, such as 2m"
    elif plain.lstrip("-+").startswith("0b"):
        base, instead = " of base 2", f"write {found}"
    elif re.fullmatch(r"[-+]?0\d+", plain):
        base, instead = " of base 8", f"write {plain.lstrip('-+0') or '0'} without a 0 before it"
    elif plain != written:
        base, instead = "", f"write {plain}"
    else:
        base, instead = "", f"write {found}"
    return (
        f"{written} is read as the number {found}{base} by YAML 1.1; {instead}, or put it in quotes if "
        "it is text"
    )
