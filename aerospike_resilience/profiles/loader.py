"""The YAML loader that reads policy files: libyaml's where PyYAML has it, and one that agrees with it.

PyYAML without libyaml is laxer: it accepts escapes of invalid Unicode characters, or raises a bare
`ValueError`. It reports forbidden characters with another text and at another place. A file must be
accepted or refused in the same way wherever it is deployed.
"""

from __future__ import annotations

import re
from typing import Any, Final

import yaml

_FORBIDDEN: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
_ESCAPE: Final = re.compile(
    r"\\(?:u(?P<four>[0-9a-fA-F]{4})|U(?P<eight>[0-9a-fA-F]{8})|.)", re.DOTALL
)


def forbidden_character(text: str) -> tuple[int, int, str] | None:
    """Return line, column and code point of the first character that YAML does not allow."""
    found = _FORBIDDEN.search(text)
    if found is None:
        return None
    mark = _mark(text, found.start())
    return mark.line + 1, mark.column + 1, f"U+{ord(found[0]):04X}"


class PurePythonLoader(yaml.SafeLoader):
    """PyYAML's own loader, as strict about escapes as libyaml.

    Args:
        text: What to load.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._text = text

    def scan_flow_scalar_non_spaces(self, double: bool, start_mark: Any) -> list[str]:
        """Refuse an escape of an invalid character."""
        first = self.get_mark().index
        try:
            chunks: list[str] = super().scan_flow_scalar_non_spaces(double, start_mark)
        except ValueError:  # of chr()
            self._refuse_escapes(first, len(self._text), start_mark)
            raise
        if double:
            self._refuse_escapes(first, self.get_mark().index, start_mark)
        return chunks

    def _refuse_escapes(self, first: int, end: int, start_mark: Any) -> None:
        for found in _ESCAPE.finditer(self._text, first, end):
            code = int(found["four"] or found["eight"] or "0", 16)
            if 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
                at = found.start() + 2
                raise yaml.scanner.ScannerError(
                    *("while parsing a quoted scalar", start_mark),
                    *("found invalid Unicode character escape code", _mark(self._text, at)),
                )


def _mark(text: str, index: int) -> yaml.error.Mark:
    line = text.count("\n", 0, index)
    column = index - text.rfind("\n", 0, index) - 1
    return yaml.error.Mark("", index, line, column, None, 0)


LOADER: Final[Any] = getattr(yaml, "CSafeLoader", PurePythonLoader)
