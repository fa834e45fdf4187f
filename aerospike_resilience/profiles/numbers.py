"""Numbers that YAML 1.1 reads as another number than their author meant.

YAML 1.1 reads ``0250`` as octal and ``2:00`` as a number of base 60. It reads ``0b11`` and ``1_000`` as
numbers, which YAML 1.2, and so an editor, reads as text. Both read ``0x1F`` as the same number.
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
    """Return why a number is refused; empty if it cannot be mistaken for another one.

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
