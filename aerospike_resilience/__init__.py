"""Keep an Aerospike client serving while nodes stall, overload and die."""

import importlib
import logging
from typing import TYPE_CHECKING, Any, Final

from .instrument import instrument, uninstrument

if TYPE_CHECKING:
    from .ambient import carry, deadline, remaining
    from .connection.client_config import ClientConfig
    from .connection.connect import connect, explain_connection
    from .connection.definition import ClusterDefinition
    from .connection.host import Host
    from .connection.opening import Connecting
    from .connection.options import ConnectOptions
    from .connection.per_process import AwaitedPerProcessClient, connect_per_process
    from .connection.settings import AuthMode
    from .connection.system_settings import SystemSettings, TransactionSettings
    from .connection.tls import TlsBuilder
    from .errors import (
        AlreadyWrappedError,
        BackpressureError,
        CircuitOpenError,
        ClientClosedError,
        ClientConfigError,
        ConnectError,
        DeadlineExceededError,
        ForkedClientError,
        IsolationError,
        NotAClientError,
        NotWrappedError,
        PolicyFileError,
        Problem,
        RefusedCredentialsError,
        RefusedError,
        ResilienceError,
        TlsError,
        UnknownNodeError,
        UnknownProfileError,
        UnreachableClusterError,
        UnsupportedSettingError,
        WrongClusterError,
    )
    from .interceptors.base import Interceptor, Proceed, ProceedAsync
    from .live.asgi import LiveASGI
    from .live.server import LiveServer
    from .live.wsgi import LiveWSGI
    from .model.attempt import Attempt
    from .model.call import Call
    from .model.connection_explanation import ConnectionExplanation, ConnectionValue
    from .model.failure import Failure, FailureKind, Fault
    from .model.operation import Criticality, Key, Kind, Operation, Shape
    from .model.outcome import Outcome, OutcomeKind, Refusal
    from .model.plan import Plan
    from .model.rows import BatchCall, Rows
    from .model.traffic import NodeTraffic, OperationTraffic, Traffic, TrafficFileError
    from .profiles.explain import Explanation
    from .profiles.fields import ConnectionSection, SharedMemorySection
    from .profiles.layers import Setting
    from .profiles.library import Policies
    from .profiles.profile import Profile
    from .profiles.rollout import Rollout
    from .profiles.schema import (
        AdaptiveTimeoutSection,
        BackpressureSection,
        BreakerSection,
        BudgetSection,
        RetrySection,
        TelemetrySection,
    )
    from .profiles.watch import Reload
    from .runtime.chain import CHAIN_ORDER, Arrange, ChainPlace, Placed
    from .wrapping.options import (
        BreakerHooks,
        FallbackClient,
        RetryRules,
        SeparateOptions,
        TelemetryProviders,
    )
    from .wrapping.resilience import Resilience, resilience
    from .wrapping.wrap import resilient

__all__ = [
    "CHAIN_ORDER",
    "AdaptiveTimeoutSection",
    "AlreadyWrappedError",
    "Arrange",
    "Attempt",
    "AuthMode",
    "AwaitedPerProcessClient",
    "BackpressureError",
    "BackpressureSection",
    "BatchCall",
    "BreakerHooks",
    "BreakerSection",
    "BudgetSection",
    "Call",
    "ChainPlace",
    "CircuitOpenError",
    "ClientClosedError",
    "ClientConfig",
    "ClientConfigError",
    "ClusterDefinition",
    "ConnectError",
    "ConnectOptions",
    "Connecting",
    "ConnectionExplanation",
    "ConnectionSection",
    "ConnectionValue",
    "Criticality",
    "DeadlineExceededError",
    "Explanation",
    "Failure",
    "FailureKind",
    "FallbackClient",
    "Fault",
    "ForkedClientError",
    "Host",
    "Interceptor",
    "IsolationError",
    "Key",
    "Kind",
    "LiveASGI",
    "LiveServer",
    "LiveWSGI",
    "NodeTraffic",
    "NotAClientError",
    "NotWrappedError",
    "Operation",
    "OperationTraffic",
    "Outcome",
    "OutcomeKind",
    "Placed",
    "Plan",
    "Policies",
    "PolicyFileError",
    "Problem",
    "Proceed",
    "ProceedAsync",
    "Profile",
    "Refusal",
    "RefusedCredentialsError",
    "RefusedError",
    "Reload",
    "Resilience",
    "ResilienceError",
    "RetryRules",
    "RetrySection",
    "Rollout",
    "Rows",
    "SeparateOptions",
    "Setting",
    "Shape",
    "SharedMemorySection",
    "SystemSettings",
    "TelemetryProviders",
    "TelemetrySection",
    "TlsBuilder",
    "TlsError",
    "Traffic",
    "TrafficFileError",
    "TransactionSettings",
    "UnknownNodeError",
    "UnknownProfileError",
    "UnreachableClusterError",
    "UnsupportedSettingError",
    "WrongClusterError",
    "carry",
    "connect",
    "connect_per_process",
    "deadline",
    "explain_connection",
    "instrument",
    "remaining",
    "resilience",
    "resilient",
    "uninstrument",
]

# The module of each public name, which is imported at the name's first use. `instrument` is imported at
# once, as otherwise the module of that name would be found instead.
_HOMES: Final = {
    ".ambient": "carry deadline remaining",
    ".connection.client_config": "ClientConfig",
    ".connection.connect": "connect explain_connection",
    ".connection.definition": "ClusterDefinition",
    ".connection.host": "Host",
    ".connection.opening": "Connecting",
    ".connection.options": "ConnectOptions",
    ".connection.per_process": "AwaitedPerProcessClient connect_per_process",
    ".connection.settings": "AuthMode",
    ".connection.system_settings": "SystemSettings TransactionSettings",
    ".connection.tls": "TlsBuilder",
    ".errors": "AlreadyWrappedError BackpressureError CircuitOpenError ClientClosedError "
    "ClientConfigError ConnectError DeadlineExceededError ForkedClientError IsolationError "
    "NotAClientError NotWrappedError PolicyFileError Problem RefusedCredentialsError RefusedError "
    "ResilienceError TlsError UnknownNodeError UnknownProfileError UnreachableClusterError "
    "UnsupportedSettingError WrongClusterError",
    ".model.connection_explanation": "ConnectionExplanation ConnectionValue",
    ".interceptors.base": "Interceptor Proceed ProceedAsync",
    ".live.asgi": "LiveASGI",
    ".live.server": "LiveServer",
    ".live.wsgi": "LiveWSGI",
    ".model.attempt": "Attempt",
    ".model.call": "Call",
    ".model.failure": "Failure FailureKind Fault",
    ".model.operation": "Criticality Key Kind Operation Shape",
    ".model.outcome": "Outcome OutcomeKind Refusal",
    ".model.plan": "Plan",
    ".model.rows": "BatchCall Rows",
    ".model.traffic": "NodeTraffic OperationTraffic Traffic TrafficFileError",
    ".profiles.explain": "Explanation",
    ".profiles.fields": "ConnectionSection SharedMemorySection",
    ".profiles.library": "Policies",
    ".profiles.layers": "Setting",
    ".profiles.profile": "Profile",
    ".profiles.schema": "AdaptiveTimeoutSection BackpressureSection BreakerSection BudgetSection "
    "RetrySection TelemetrySection",
    ".profiles.rollout": "Rollout",
    ".profiles.watch": "Reload",
    ".runtime.chain": "CHAIN_ORDER Arrange ChainPlace Placed",
    ".wrapping.options": "BreakerHooks FallbackClient RetryRules SeparateOptions TelemetryProviders",
    ".wrapping.resilience": "Resilience resilience",
    ".wrapping.wrap": "resilient",
}
_HOME_OF: Final = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(home, __name__), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


# Without it Python prints a library's warnings if the application configured no logging.
logging.getLogger(__name__).addHandler(logging.NullHandler())
