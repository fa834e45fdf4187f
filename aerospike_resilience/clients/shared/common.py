"""What most clients answer alike; an adapter says what it answers otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...model.operation import Operation
from ..base import CoalescedMethod, NativeConfig, NoNativeConfig, PolicyIsProfiles, Seam
from .statement import Built


class CommonAdapter:
    """Answers of a client that does its work itself, and has no more to tell of itself than it must."""

    returns_futures: bool = False
    outlives_cancellation: bool = False
    coalesced_methods: Mapping[str, CoalescedMethod] = {}
    policy_is_profiles: PolicyIsProfiles | None = None
    config_variables: Mapping[str, str] = {}
    own_gate: str = ""

    def seam(self, client: Any) -> Seam | None:  # noqa: ARG002
        """Return None: the client does its work itself."""
        return None

    def is_closed(self, client: Any) -> bool:  # noqa: ARG002
        """Return False: a closed client looks like one that is yet to be connected."""
        return False

    def traces_itself(self) -> bool:
        """Return False: the client has no tracing of its own."""
        return False

    def own_connection(self, client: Any) -> Mapping[str, Any]:  # noqa: ARG002
        """Return nothing: the client does not tell its configuration."""
        return {}

    def native_config(self, client: Any) -> NativeConfig:  # noqa: ARG002
        """Return what says that there is none."""
        return NoNativeConfig()

    def statement(self, operation: Operation, arguments: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Return nothing: no method of the client makes a query by itself."""
        return ""

    def lazy_statement(self, made: Sequence[Any], built: Built) -> str:  # noqa: ARG002
        """Return nothing: the client has no objects that touch the database later."""
        return ""

    def own_family(self, operation: Operation) -> str:
        """Return the operation's own family."""
        return operation.family
