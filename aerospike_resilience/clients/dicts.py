"""What clients have in common whose policies are dicts and whose keys are tuples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ..call import Send

_NUMBERS: Final = ("total_timeout", "socket_timeout", "max_retries", "timeout")


def usable(policy: Any) -> Mapping[str, Any] | None:
    """Return a caller's policy dict; None where the client will object to it, so that it can."""
    if isinstance(policy, Mapping) and all(
        type(policy.get(name, 0)) is int and policy.get(name, 0) >= 0 for name in _NUMBERS
    ):
        return policy
    return None


def tuple_place(key: object) -> tuple[str, str] | None:
    """Return the namespace and the set of ``(namespace, set, user key[, digest])``."""
    if isinstance(key, tuple) and len(key) >= 3:
        return key[0], key[1]
    return None


def config_hosts(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[str]:
    """Return the hosts of a client's configuration dict: ``(host, port[, TLS name])`` each."""
    config = args[0] if args else kwargs.get("config")
    hosts = config.get("hosts", ()) if isinstance(config, Mapping) else ()
    return [f"{host[0]}:{host[1]}" for host in hosts if len(host) > 1]


def policy_sender(method: Callable[..., Any], parameter: str) -> Send:
    """Return a native call that gives its policy by keyword.

    Args:
        method: the client's method.
        parameter: what the method calls its policy; empty if it takes none.
    """
    if not parameter:
        return lambda args, kwargs, _policy: method(*args, **kwargs)
    if parameter == "policy":

        def send(args: tuple[Any, ...], kwargs: Mapping[str, Any], policy: Any) -> Any:
            if policy is None:
                return method(*args, **kwargs)
            if not kwargs:  # the plain call: unpacking nothing would cost it a copy
                return method(*args, policy=policy)
            return method(*args, policy=policy, **kwargs)

    else:

        def send(args: tuple[Any, ...], kwargs: Mapping[str, Any], policy: Any) -> Any:
            if policy is None:
                return method(*args, **kwargs)
            return method(*args, **{parameter: policy}, **kwargs)

    return send
