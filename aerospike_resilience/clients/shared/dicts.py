"""What clients have in common whose policies are dicts and whose keys are tuples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from ...model.operation import Operation
from ...model.plan import Send
from .common import CommonAdapter

_NUMBERS: Final = ("total_timeout", "socket_timeout", "max_retries", "timeout")


class DictAdapter(CommonAdapter):
    """Answers of a client whose policies are dicts and whose keys are tuples.

    Attributes:
        commit_master: its number for the commit level master.
        leaving: from its number for a replica policy to the one for reads whose master ails.
    """

    commit_master: ClassVar[int]
    leaving: ClassVar[Mapping[int, int]] = {}

    def take_policy(
        self,
        client: Any,  # noqa: ARG002 - one policy at most
        operation: Operation,
        arguments: dict[str, Any],
        place: tuple[str, str] | None,  # noqa: ARG002
    ) -> Any:
        """Take the policy out of a call's arguments."""
        return arguments.pop(operation.policy, None)

    def given(self, operation: Operation, policy: Any) -> Mapping[str, Any] | None:  # noqa: ARG002
        """Return a caller's policy dict; None where the client will object to it, so that it can."""
        if isinstance(policy, Mapping) and all(
            type(policy.get(name, 0)) is int and policy.get(name, 0) >= 0 for name in _NUMBERS
        ):
            return policy
        return None

    def place(self, key: object) -> tuple[str, str] | None:
        """Return the namespace and the set of ``(namespace, set, user key[, digest])``."""
        if isinstance(key, tuple) and len(key) >= 3:
            return key[0], key[1]
        return None

    def tailor(
        self,
        family: str,
        fields: Mapping[str, Any],
        *,
        total_timeout_ms: int,
        socket_timeout_ms: int,
        max_retries: int,
        commit_master: bool = False,
        leave_master: bool = False,
    ) -> Any:
        """Make a policy dict; info and admin commands only know ``timeout``."""
        policy = dict(fields)
        if family in ("info", "admin"):
            policy["timeout"] = total_timeout_ms
            return policy
        policy["total_timeout"] = total_timeout_ms
        policy["socket_timeout"] = socket_timeout_ms
        policy["max_retries"] = max_retries
        if commit_master:
            policy["commit_level"] = self.commit_master
        if leave_master and policy.get("replica") in self.leaving:
            policy["replica"] = self.leaving[policy["replica"]]
        return policy

    def sender(self, method: Callable[..., Any], operation: Operation) -> Send:
        """Return the native call; the policy goes by keyword, under the method's own name for it."""
        return policy_sender(method, operation.policy)


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
