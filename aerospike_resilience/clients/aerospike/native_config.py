"""The C client's dynamic configuration file, which overrides policies, those of calls included.

The client does not say that it has one, nor which values come from it: ``get_policies()`` shows the file
merged with what the application configured. So a file that ``AEROSPIKE_CLIENT_CONFIG_URL`` names is read
here too, and what it gives counts where the client shows it; without the variable (``config_provider``)
a value counts as the file's once it changes, for nothing else changes the policies of a live client.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml

from ..base import NoNativeConfig
from .policies import NUMBERS

VARIABLE: Final = "AEROSPIKE_CLIENT_CONFIG_URL"

MAX_BYTES: Final = 1 << 20

_Policies: TypeAlias = Mapping[str, Mapping[str, Any]]

_FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {
    "read": ("read",),
    "write": ("write", "operate", "apply", "remove"),
    "query": ("query",),
    "scan": ("scan",),
    "batch_read": ("batch",),
    "batch_write": ("batch_parent_write", "batch_write"),
    "batch_udf": ("batch_apply",),
    "batch_delete": ("batch_remove",),
    "txn_verify": ("txn_verify",),
    "txn_roll": ("txn_roll",),
}
"""The families of policies that each kind of the file is about."""

_FIELDS: Final[Mapping[str, str]] = {"send_key": "key", "max_concurrent_threads": "concurrent"}
"""Fields that the file calls otherwise."""

BASE: Final[Mapping[str, Any]] = {
    "total_timeout": 1000,
    "connect_timeout": 0,
    "socket_timeout": 30_000,
    "timeout_delay": 3000,
    "max_retries": 0,
    "sleep_between_retries": 0,
    "replica": 2,
    "key": 0,
    "durable_delete": False,
    "read_mode_ap": 0,
    "read_mode_sc": 0,
    "concurrent": False,
    "allow_inline": True,
    "expected_duration": 0,
}

_QUERY: Final[Mapping[str, Any]] = {**BASE, "total_timeout": 0, "max_retries": 5}

_TXN: Final[Mapping[str, Any]] = {
    **BASE,
    "total_timeout": 10_000,
    "socket_timeout": 3000,
    "max_retries": 5,
    "sleep_between_retries": 1000,
    "replica": 0,
}

DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "read": {**BASE, "max_retries": 2},
    "batch": {**BASE, "max_retries": 2},
    "query": _QUERY,
    "scan": _QUERY,
    "txn_verify": {**_TXN, "read_mode_sc": 1},
    "txn_roll": _TXN,
}
"""What a family has that nobody configured, of the fields that a file can give; else `BASE`."""


class AerospikeNativeConfig(NoNativeConfig):
    """Watches one client's dynamic configuration.

    Args:
        client: the client.
    """

    def __init__(self, client: Any) -> None:
        self._policies: Callable[[], _Policies] = getattr(client, "get_policies", dict)
        self._before = self._now = self._policies()
        self._seen: tuple[str, int, int] | None = None
        self._file: Mapping[str, Any] | None = None
        self._found: _Policies | None = None

    def overrides(self) -> _Policies:
        """Return the fields that the file decides, by family, in a policy file's words."""
        now, changed = self._policies(), self._look()
        if self._found is None or changed or now != self._now:
            self._now = now
            self._found = self._from_file() if self._file is not None else self._drift()
        return self._found

    def unclear(self) -> _Policies:
        """Return fields that somebody configured, and the client does not say who.

        Either the application, and then a profile's word is stronger, or the file of a
        ``config_provider``, and then it is not. None where the file is known.
        """
        if self._file is not None:
            return {}
        return _by_family(
            (family, field, value)
            for family, fields in self._before.items()
            for field, value in fields.items()
            if value != DEFAULTS.get(family, BASE).get(field, value)
        )

    def _look(self) -> bool:
        """Read the file again if it changed; return whether it did."""
        path = Path(os.environ.get(VARIABLE, "").removeprefix("file://"))
        try:
            found = path.stat()
            seen = (str(path), found.st_mtime_ns, found.st_size)
        except OSError:
            seen = None
        if seen == self._seen:
            return False
        self._seen = seen
        self._file = _read(path) if seen is not None else None
        return True

    def _from_file(self) -> _Policies:
        return _by_family(
            (family, field, self._now[family][field])
            for family, field, value in _given(self._file or {})
            # What the client does not show it did not take: it may be older than the file.
            if _worded(field, self._now.get(family, {}).get(field)) == value
        )

    def _drift(self) -> _Policies:
        return _by_family(
            (family, field, value)
            for family, fields in self._now.items()
            for field, value in fields.items()
            if value != self._before.get(family, {}).get(field)
        )


def _read(path: Path) -> Mapping[str, Any] | None:
    """Return what a file gives; None where the client cannot read it either."""
    try:
        with path.open("rb") as file:
            found = yaml.safe_load(file.read(MAX_BYTES))
    except (OSError, yaml.YAMLError):
        return None
    dynamic = found.get("dynamic") if isinstance(found, dict) else None
    return dynamic if isinstance(dynamic, dict) else {}


def _given(file: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield family, field and value, in a policy file's words, of what a file gives."""
    for kind, families in _FAMILIES.items():
        fields = file.get(kind)
        for name, written in fields.items() if isinstance(fields, dict) else ():
            value = written
            if name == "max_concurrent_threads":
                value = written != 1
            elif name == "send_key":
                value = "send" if written else "digest"
            elif isinstance(written, str):
                value = "any" if written == "MASTER_PROLES" else written.lower()
            for family in families:
                yield family, _FIELDS.get(name, name), value


def _by_family(found: Iterator[tuple[str, str, Any]]) -> dict[str, dict[str, Any]]:
    by_family: dict[str, dict[str, Any]] = {}
    for family, field, value in found:
        by_family.setdefault(family, {})[field] = _worded(field, value)
    return by_family


def _worded(field: str, value: Any) -> Any:
    """Return a policy file's name for one of the client's numbers."""
    names = {number: name for name, number in NUMBERS.get(field, {}).items()}
    return names.get(value, value)
