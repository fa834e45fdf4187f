"""The adapter of ``aerospike-sdk``: the one of its native client, with the SDK's errors and behaviors."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from ...model.operation import Operation
from ..aerospike_native.adapter import AerospikeNativeAdapter
from ..contract import Creation, KeywordsMatchProfile, NativeConfig, Refusals, Seam
from ..shared.addresses import hosts_in_seeds
from ..shared.common import is_of_class
from . import behavior
from .coalesced_methods import WINDOWS
from .connection import connected_with
from .native_config import SdkNativeConfig
from .seam import ClusterSeam, SessionSeam


def _seeds(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[str]:
    """Return the hosts of the client that a cluster is made of."""
    sdk_client = args[0] if args else kwargs.get("sdk_client")
    return hosts_in_seeds(getattr(sdk_client, "_seeds", ""))


class AerospikeSdkAdapter(AerospikeNativeAdapter):
    """Clusters and sessions of ``aerospike-sdk`` 1.0, awaited and blocking.

    Everything that the SDK does goes through the native client that its cluster holds. So the chain wraps
    that client. Builders, streams, transactions and background tasks above it stay the SDK's own.
    """

    name = "aerospike-sdk"
    coalesced_methods = WINDOWS
    creations: tuple[Creation, ...] = (
        Creation("aerospike_sdk.aio.cluster", "Cluster.__init__", "init", _seeds),
        Creation("aerospike_sdk.sync.cluster", "Cluster.__init__", "init", _seeds),
        Creation("aerospike_sdk.aio.client", "new_client", "bare"),
        Creation("aerospike_sdk.sync.client", "new_client_blocking", "bare"),
    )
    keywords_match_profile: KeywordsMatchProfile | None = staticmethod(
        behavior.keywords_match_profile
    )
    cannot: Mapping[str, str] = behavior.CANNOT
    config_variables: Mapping[str, str] = {
        "AEROSPIKE_SDK_CONFIG_URL": "decides connections, the SDK's breaker, and the policies of sessions "
        "that are created with a behavior of its own"
    }

    def recognises(self, client: object) -> bool:
        """Return whether this is a cluster or a session of the SDK."""
        return is_of_class(client, "aerospike_sdk", "Cluster", "Session")

    def is_closed(self, client: Any) -> bool:  # noqa: ARG002
        """Return False: the seam raises if the cluster is closed."""
        return False

    def seam(self, client: Any) -> Seam:
        """Return the place in a cluster or a session where its native client is held."""
        is_cluster = is_of_class(client, "aerospike_sdk", "Cluster")
        return ClusterSeam(client) if is_cluster else SessionSeam(client)

    def own_connection(self, client: Any) -> Mapping[str, Any]:
        """Return a cluster's connection settings; a session does not have them."""
        return connected_with(client)

    def native_config(self, client: Any) -> NativeConfig:  # noqa: ARG002 - one for the process
        """Return what watches the behaviors of the SDK's configuration file."""
        return SdkNativeConfig()

    def raised_as(self, error: BaseException) -> type[BaseException]:
        """Return the class of the SDK's own error, into which it turns the native client's."""
        from aerospike_sdk import exceptions as sdk

        exceptions: Any = sdk  # it exports neither
        if isinstance(error, exceptions.PncAerospikeError | exceptions.PncServerError):
            return type(exceptions._convert_pnc_exception(error))  # noqa: SLF001 - the SDK has no other way
        return type(error)

    @property
    def refusals(self) -> Refusals:
        """This library's errors as the SDK's errors."""
        from .refusals import REFUSALS

        return REFUSALS

    def take_policy(
        self,
        client: Any,
        operation: Operation,
        arguments: dict[str, Any],
        place: tuple[str, str] | None,
    ) -> Any:
        """Remove the policy and return it; None if it only says what the profile says."""
        policy = super().take_policy(client, operation, arguments, place)
        if behavior.is_marked(policy) and not behavior.fields_of_call(operation, policy):
            return None
        return policy

    def policy_content(self, operation: Operation, policy: Any) -> Hashable | None:
        """Return the attributes of a policy of the application's own; None for a behavior's."""
        return None if behavior.is_marked(policy) else super().policy_content(operation, policy)

    def caller_fields(self, operation: Operation, policy: Any) -> Mapping[str, Any] | None:
        """Return what a policy says besides the profile; all of it, if another behavior made it."""
        if behavior.is_marked(policy):
            return behavior.fields_of_call(operation, policy)
        return super().caller_fields(operation, policy)
