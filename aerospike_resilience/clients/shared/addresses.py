"""Addresses of nodes: ``host:port`` in the text of an error, and in what a client is created with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

_ADDRESS: Final = re.compile(
    r"""(?<![\w.:])
    (?: \d{1,3}(?:\.\d{1,3}){3}                 # IPv4
      | \[ [0-9A-Fa-f:.]+ (?:%\w+)? \]          # IPv6 as URLs write it, perhaps with its zone
      | [0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*  # IPv6 without brackets
    )
    : \d{1,5} (?![\w.:])""",
    re.VERBOSE,
)


def address_in(text: str) -> str | None:
    """Return the first address in a text as ``host:port``, IPv6 without brackets; None if there is none.

    ``127.0.0.1:3000``, ``[::1]:3000`` and ``::1:3000`` are addresses.
    """
    found = _ADDRESS.search(text)
    return None if found is None else plain(found.group())


def plain(address: str) -> str:
    """Return an address without brackets, so that one address always reads the same."""
    return address.replace("[", "").replace("]", "")


def hosts_in_config(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[str]:
    """Return the hosts of a client's configuration dict, its first argument, as ``host:port``.

    The dict has ``(host, port[, TLS name])`` for each.
    """
    config = args[0] if args else kwargs.get("config")
    hosts = config.get("hosts", ()) if isinstance(config, Mapping) else ()
    return [f"{host[0]}:{host[1]}" for host in hosts if len(host) > 1]


def hosts_in_seeds(seeds: object) -> list[str]:
    """Return the hosts of ``"host:port,host:port"``."""
    return [seed.strip() for seed in str(seeds).split(",")]
