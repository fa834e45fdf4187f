"""Which connector creates a client. A connector is loaded when a client of its kind is connected."""

from __future__ import annotations

import functools
import importlib
import importlib.util
from typing import Final, NamedTuple, cast

from ..errors import NotAClientError
from ..model.wording import shown, suggestion
from .contract.connecting import Connector


class _Home(NamedTuple):
    room: str
    class_name: str


_HOMES: Final = {
    "aerospike": _Home(".aerospike", "AerospikeConnector"),
    "aerospike_py": _Home(".aerospike_py", "AerospikePyConnector"),
    "aerospike_py.async": _Home(".aerospike_py", "AerospikePyAsyncConnector"),
    "aerospike_native": _Home(".aerospike_native", "NativeConnector"),
    "aerospike_native.async": _Home(".aerospike_native", "AsyncNativeConnector"),
    "aerospike_sdk": _Home(".aerospike_sdk", "SdkConnector"),
    "aerospike_sdk.sync": _Home(".aerospike_sdk", "SdkSyncConnector"),
}

KINDS: Final = tuple(_HOMES)
"""Every client that `connect()` takes."""


def connector(kind: str) -> Connector:
    """Return the connector of a kind of client.

    Raises:
        TypeError: the kind is no text.
        NotAClientError: there is no such client, or its package is not installed. Also a `TypeError`.
    """
    if not isinstance(kind, str):
        raise TypeError(f"client= is text such as 'aerospike', not {shown(kind)}")
    if kind not in _HOMES:
        raise NotAClientError(f"there is no client {shown(kind)}{suggestion(kind, KINDS)}")
    found = _connector(kind)
    if importlib.util.find_spec(found.package) is None:
        raise NotAClientError(
            f"client={kind!r} needs the package {found.package}: pip install '{found.distribution}'"
        )
    found.prepare()
    return found


@functools.cache
def _connector(kind: str) -> Connector:
    home = _HOMES[kind]
    room = importlib.import_module(f"{home.room}.connecting", __package__)
    return cast("Connector", getattr(room, home.class_name)())
