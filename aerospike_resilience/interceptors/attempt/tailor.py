"""Tailoring: an adapter's way to make a native policy for one attempt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Tailor(Protocol):
    """An adapter's way to make a native policy for one attempt."""

    def __call__(
        self,
        family: str,
        fields: Mapping[str, Any],
        *,
        total_timeout_ms: int,
        socket_timeout_ms: int,
        max_retries: int,
        commit_master: bool,
        leave_master: bool,
    ) -> Any:
        """Return a native policy: `fields` with these in their place; 0 ms stands for no limit."""
        ...
