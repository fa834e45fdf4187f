"""Native calls: functions that call a client's method with a policy of this library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...model.plan import Send


def policy_sender(method: Callable[..., Any], parameter: str) -> Send:
    """Return a native call that passes its policy by keyword.

    Args:
        method: the client's method.
        parameter: the method's name for its policy; empty if it takes none.
    """
    if not parameter:
        return lambda args, kwargs, _policy: method(*args, **kwargs)
    if parameter == "policy":

        def send(args: tuple[Any, ...], kwargs: Mapping[str, Any], policy: Any) -> Any:
            if policy is None:
                return method(*args, **kwargs)
            if not kwargs:  # the plain call: unpacking an empty dict would copy it
                return method(*args, policy=policy)
            return method(*args, policy=policy, **kwargs)

    else:

        def send(args: tuple[Any, ...], kwargs: Mapping[str, Any], policy: Any) -> Any:
            if policy is None:
                return method(*args, **kwargs)
            return method(*args, **{parameter: policy}, **kwargs)

    return send
