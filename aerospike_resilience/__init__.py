"""Keep an Aerospike client serving while nodes stall, overload and die."""

import importlib
import logging
from typing import TYPE_CHECKING, Any, Final

from .instrument import instrument, uninstrument

if TYPE_CHECKING:
    from .ambient import carry, deadline, remaining
    from .errors import (
        AlreadyWrappedError,
        BackpressureError,
        CircuitOpenError,
        ClientClosedError,
        DeadlineExceededError,
        ForkedClientError,
        IsolationError,
        NotAClientError,
        NotWrappedError,
        PolicyFileError,
        Problem,
        RefusedError,
        ResilienceError,
        UnknownNodeError,
        UnknownProfileError,
    )
    from .interceptors.base import Interceptor, Proceed, ProceedAsync
    from .model.attempt import Attempt
    from .model.call import Call
    from .model.failure import Failure, FailureKind, Fault
    from .model.operation import Criticality, Key, Kind, Operation, Shape
    from .model.outcome import Outcome, OutcomeKind, Refusal
    from .model.plan import Plan
    from .model.rows import BatchCall, Rows
    from .profiles.explain import Explanation
    from .profiles.fields import ConnectionSection, SharedMemorySection
    from .profiles.library import Policies
    from .profiles.profile import Profile, Setting
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
    "ConnectionSection",
    "Criticality",
    "DeadlineExceededError",
    "Explanation",
    "Failure",
    "FailureKind",
    "FallbackClient",
    "Fault",
    "ForkedClientError",
    "Interceptor",
    "IsolationError",
    "Key",
    "Kind",
    "NotAClientError",
    "NotWrappedError",
    "Operation",
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
    "RefusedError",
    "Reload",
    "Resilience",
    "ResilienceError",
    "RetryRules",
    "RetrySection",
    "Rows",
    "SeparateOptions",
    "Setting",
    "Shape",
    "SharedMemorySection",
    "TelemetryProviders",
    "TelemetrySection",
    "UnknownNodeError",
    "UnknownProfileError",
    "carry",
    "deadline",
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
    ".errors": "AlreadyWrappedError BackpressureError CircuitOpenError ClientClosedError "
    "DeadlineExceededError ForkedClientError IsolationError NotAClientError NotWrappedError "
    "PolicyFileError Problem RefusedError ResilienceError UnknownNodeError UnknownProfileError",
    ".interceptors.base": "Interceptor Proceed ProceedAsync",
    ".model.attempt": "Attempt",
    ".model.call": "Call",
    ".model.failure": "Failure FailureKind Fault",
    ".model.operation": "Criticality Key Kind Operation Shape",
    ".model.outcome": "Outcome OutcomeKind Refusal",
    ".model.plan": "Plan",
    ".model.rows": "BatchCall Rows",
    ".profiles.explain": "Explanation",
    ".profiles.fields": "ConnectionSection SharedMemorySection",
    ".profiles.library": "Policies",
    ".profiles.profile": "Profile Setting",
    ".profiles.schema": "AdaptiveTimeoutSection BackpressureSection BreakerSection BudgetSection "
    "RetrySection TelemetrySection",
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
