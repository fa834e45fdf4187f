"""The address of a node in an error's text: ``127.0.0.1:3000``, ``[::1]:3000`` or ``::1:3000``."""

from __future__ import annotations

import re
from typing import Final

_ADDRESS: Final = re.compile(
    r"""(?<![\w.:])
    (?: \d{1,3}(?:\.\d{1,3}){3}                 # IPv4
      | \[ [0-9A-Fa-f:.]+ (?:%\w+)? \]          # IPv6 as URLs write it, perhaps with its zone
      | [0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*  # IPv6 as it is
    )
    : \d{1,5} (?![\w.:])""",
    re.VERBOSE,
)


def address_in(text: str) -> str | None:
    """Return the first address in a text as ``host:port``, IPv6 without brackets; None if there is none."""
    found = _ADDRESS.search(text)
    return None if found is None else plain(found.group())


def plain(address: str) -> str:
    """Return an address without brackets, so that the same one always reads the same."""
    return address.replace("[", "").replace("]", "")
