"""The C client's dynamic configuration file. It overrides policies, even those of single calls.

The client does not say whether it has such a file, nor which values come from it: ``get_policies()``
shows the file merged with what the application configured. So this module reads the file that
``AEROSPIKE_CLIENT_CONFIG_URL`` names, and a value in it counts if the client shows the same value. A file
of a ``config_provider`` cannot be read. There a value counts as the file's once it changes, because
nothing else changes the policies of a live client.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from ..contract import NoNativeConfig
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
"""The families of policies that each section of the file sets."""

_FIELDS: Final[Mapping[str, str]] = {"send_key": "key", "max_concurrent_threads": "concurrent"}
"""Our names for the fields that have another name in the file."""

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
"""The client's defaults for the fields that a file can set, by family; `BASE` for other families."""


class AerospikeNativeConfig(NoNativeConfig):
    """Watches one client's dynamic configuration.

    Args:
        client: the client.
    """

    def __init__(self, client: Any) -> None:
        self._policies: Callable[[], _Policies] = getattr(client, "get_policies", dict)
        self._policies_at_start = self._policies_now = self._policies()
        self._file_version: tuple[str, int, int] | None = None
        self._file: Mapping[str, Any] | None = None
        self._overrides: _Policies | None = None

    def overrides(self) -> _Policies:
        """Return the fields that the file decides, by family."""
        now, changed = self._policies(), self._read_if_changed()
        if self._overrides is None or changed or now != self._policies_now:
            self._policies_now = now
            self._overrides = (
                self._from_file() if self._file is not None else self._changed_values()
            )
        return self._overrides

    def unclear(self) -> _Policies:
        """Return fields that the file or the application configured, where the client does not show which.

        If the application did, the profile is stronger. If the file of a ``config_provider`` did, the
        profile is weaker. Nothing if the file is known.
        """
        if self._file is not None:
            return {}
        return _by_family(
            (family, field, value)
            for family, fields in self._policies_at_start.items()
            for field, value in fields.items()
            if value != DEFAULTS.get(family, BASE).get(field, value)
        )

    def _read_if_changed(self) -> bool:
        """Read the file again if it changed; return whether it did."""
        path = Path(os.environ.get(VARIABLE, "").removeprefix("file://"))
        try:
            found = path.stat()
            version = (str(path), found.st_mtime_ns, found.st_size)
        except OSError:
            version = None
        if version == self._file_version:
            return False
        self._file_version = version
        self._file = _read(path) if version is not None else None
        return True

    def _from_file(self) -> _Policies:
        return _by_family(
            (family, field, self._policies_now[family][field])
            for family, field, value in _values_in(self._file or {})
            # A client that is older than the file shows another value.
            if _name_for(field, self._policies_now.get(family, {}).get(field)) == value
        )

    def _changed_values(self) -> _Policies:
        return _by_family(
            (family, field, value)
            for family, fields in self._policies_now.items()
            for field, value in fields.items()
            if value != self._policies_at_start.get(family, {}).get(field)
        )


def _read(path: Path) -> Mapping[str, Any] | None:
    """Return the dynamic part of a file; None if nobody can read it, the client included."""
    import yaml  # most clients have no such file

    try:
        with path.open("rb") as file:
            found = yaml.safe_load(file.read(MAX_BYTES))
    except (OSError, yaml.YAMLError):
        return None
    dynamic = found.get("dynamic") if isinstance(found, dict) else None
    return dynamic if isinstance(dynamic, dict) else {}


def _values_in(file: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield family, field and value of all that a file sets, by the names of a policy file."""
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
        by_family.setdefault(family, {})[field] = _name_for(field, value)
    return by_family


def _name_for(field: str, value: Any) -> Any:
    """Return the policy file's name for one of the client's numbers; other values as they are."""
    names = {number: name for name, number in NUMBERS.get(field, {}).items()}
    return names.get(value, value)
