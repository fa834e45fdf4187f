"""The adapter of ``aerospike-sdk``: the native client's below the seam, with the SDK's errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...model.operation import Operation
from ..aerospike_native.adapter import AerospikeNativeAdapter
from ..base import Creation, NativeConfig, PolicyIsProfiles, Refusals, Seam
from . import behavior
from .coalesced_methods import WINDOWS
from .connection import connected_with
from .native_config import SdkNativeConfig
from .seam import ClusterSeam, SessionSeam


def _seeds(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[str]:
    """Return the hosts of the client that a cluster is made of."""
    sdk_client = args[0] if args else kwargs.get("sdk_client")
    return [seed.strip() for seed in str(getattr(sdk_client, "_seeds", "")).split(",")]


class AerospikeSdkAdapter(AerospikeNativeAdapter):
    """Clusters and sessions of ``aerospike-sdk`` 1.0, awaited and blocking.

    Everything the SDK does goes through the native client that its cluster holds, so that is where the
    chain stands. Builders, streams, transactions and background tasks above it are the SDK's own.
    """

    name = "aerospike-sdk"
    coalesced_methods = WINDOWS
    creations: tuple[Creation, ...] = (
        Creation("aerospike_sdk.aio.cluster", "Cluster.__init__", "init", _seeds),
        Creation("aerospike_sdk.sync.cluster", "Cluster.__init__", "init", _seeds),
        Creation("aerospike_sdk.aio.client", "new_client", "bare"),
        Creation("aerospike_sdk.sync.client", "new_client_blocking", "bare"),
    )
    policy_is_profiles: PolicyIsProfiles | None = staticmethod(behavior.policy_is_profiles)
    cannot: Mapping[str, str] = behavior.CANNOT
    config_variables: Mapping[str, str] = {
        "AEROSPIKE_SDK_CONFIG_URL": "decides connections, the SDK's breaker, and the policies of sessions "
        "that are created with a behavior of its own"
    }

    def recognises(self, client: object) -> bool:
        """Return whether this is a cluster or a session of the SDK."""
        return any(
            cls.__module__.partition(".")[0] == "aerospike_sdk"
            and cls.__name__ in ("Cluster", "Session")
            for cls in client.__class__.__mro__
        )

    def is_closed(self, client: Any) -> bool:  # noqa: ARG002
        """Return False: the seam says so where it is looked for."""
        return False

    def seam(self, client: Any) -> Seam:
        """Return the place below a cluster or a session where its native client is held."""
        if any(cls.__name__ == "Cluster" for cls in client.__class__.__mro__):
            return ClusterSeam(client)
        return SessionSeam(client)

    def own_connection(self, client: Any) -> Mapping[str, Any]:
        """Return what a cluster is connected with; a session does not tell."""
        return connected_with(client)

    def native_config(self, client: Any) -> NativeConfig:  # noqa: ARG002 - it is the process's
        """Return what watches the behaviors of the SDK's configuration file."""
        return SdkNativeConfig()

    @property
    def refusals(self) -> Refusals:
        """Our errors as the SDK's errors."""
        from . import refusals

        return Refusals(
            refusals.SdkCircuitOpenError,
            refusals.SdkBackpressureError,
            refusals.SdkDeadlineExceededError,
        )

    def take_policy(
        self,
        client: Any,
        operation: Operation,
        arguments: dict[str, Any],
        place: tuple[str, str] | None,
    ) -> Any:
        """Take the policy out; one that only the profile has shaped counts as none."""
        policy = super().take_policy(client, operation, arguments, place)
        if behavior.is_marked(policy) and not behavior.own_words(operation.family, policy):
            return None
        return policy

    def given(self, operation: Operation, policy: Any) -> Mapping[str, Any] | None:
        """Return what a policy says beyond the profile; all of it, if it is of another behavior."""
        if behavior.is_marked(policy):
            return behavior.own_words(operation.family, policy)
        return super().given(operation, policy)
