"""The answers that several connectors share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final

from ...model.secret import Secret
from ...model.support import ByUs, Native, Refused, Support
from ..contract.connecting import Trouble

WIDE_RATE: Final = 10_000
WIDE_WINDOW: Final = 100
"""Errors in a window of tends that no client's own breaker meets in time: ours is there before it."""

GATE: Final = ByUs("the gate: backpressure.max_concurrent_operations")
QUEUE: Final = ByUs("the gate: backpressure.operation_queue_timeout")

_CODE: Final = re.compile(r"Error (\d+)\b")

CREDENTIAL_CODES: Final = frozenset({*range(50, 57), *range(60, 67), 80, 81})
"""The server's codes for logins: security off, expired passwords and sessions, wrong ones, no login."""


def whole_ms(value: float) -> int:
    """Return whole milliseconds, never 0 for a duration that is longer."""
    return max(1, round(value)) if value else 0


def whole_s(value_ms: float) -> int:
    """Return whole seconds, never 0 for a duration that is longer."""
    return max(1, int(value_ms // 1000)) if value_ms else 0


def plain(value: Any) -> Any:
    """Return a secret's text, other values as they are. Only within the call that passes them on."""
    return value.reveal() if isinstance(value, Secret) else value


def in_milliseconds(name: str, note: str = "") -> Native:
    """Return the support of a duration in whole milliseconds."""
    return Native(name, whole_ms, "ms", note)


class CommonConnector:
    """The answers of most connectors."""

    support: ClassVar[Mapping[str, Support]] = {}
    awaited: ClassVar[bool] = False
    pairs: ClassVar[Mapping[str, str]] = {
        "max_error_rate": "error_rate_window",
        "error_rate_window": "max_error_rate",
    }
    families: ClassVar[Mapping[str, str]] = {}

    def prepare(self) -> None:
        """Do nothing: the package may be imported in any thread."""

    def together(self, values: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Return that all values can go together."""
        return ""

    def policy_fields(self, family: str, fields: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Return nothing: the configuration has no policies."""
        return {}

    def converted(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the client's own values by its own names, where the client has the setting."""
        found: dict[str, Any] = {}
        for name, value in values.items():
            native = self.support[name]
            if isinstance(native, Native) and native.name:
                put(found, native.name, native.convert(value))
        return found

    def open(self, arguments: Mapping[str, Any]) -> Any:
        """Refuse: it is awaited."""
        raise NotImplementedError

    async def open_async(self, arguments: Mapping[str, Any]) -> Any:
        """Refuse: it is not awaited."""
        raise NotImplementedError

    def unconnected(self, arguments: Mapping[str, Any]) -> Any:  # noqa: ARG002
        """Return None: the client connects by itself when the cluster is there."""
        return None

    def login(self, arguments: Mapping[str, Any]) -> tuple[Any, ...]:  # noqa: ARG002
        """Return no arguments."""
        return ()

    def discard(self, client: Any) -> None:
        """Close a client; what that raises concerns nobody."""
        with suppress(Exception):
            client.close()

    async def discard_async(self, client: Any) -> None:
        """Close an awaited client; what that raises concerns nobody."""
        with suppress(Exception):
            await client.close()


def put(into: dict[str, Any], path: str, value: Any) -> None:
    """Put a value at a path of keys, with dots between them."""
    *keys, last = path.split(".")
    for key in keys:
        into = into.setdefault(key, {})
    into[last] = value


def trouble_of_code(code: object) -> Trouble:
    """Return what a server's code says of connecting."""
    return "credentials" if code in CREDENTIAL_CODES else ""


def trouble_of_text(text: str) -> Trouble:
    """Return what the text of an error of the Rust cores says of connecting."""
    if "Cluster name mismatch" in text:
        return "cluster_name"
    if "not authenticated" in text or any(
        int(code) in CREDENTIAL_CODES for code in _CODE.findall(text)
    ):
        return "credentials"
    lower = text.lower()
    if "certificate" in lower or "tls" in lower:
        return "tls"
    return ""


def refused(why: str, instead: str, names: Sequence[str]) -> dict[str, Support]:
    """Return the same refusal for several settings."""
    return dict.fromkeys(names, Refused(why, instead))
