"""The answers that are the same for clients whose policies are dicts and whose keys are tuples."""

from __future__ import annotations

import marshal
from collections.abc import Callable, Hashable, Mapping
from typing import Any, ClassVar, Final

from ...model.attempt_policy import AttemptPolicy
from ...model.operation import Operation
from ...model.plan import Send
from .common import CommonAdapter
from .senders import policy_sender

_NUMBERS: Final = ("total_timeout", "socket_timeout", "max_retries", "timeout")

_content: Final = marshal.dumps
"""Write down what a policy says.

It is made for this: it takes dicts, lists, numbers and text, tells 1 from True, and raises `ValueError` for
any other object, such as a transaction. Version 2 of its format depends on nothing but the values.
"""


class DictAdapter(CommonAdapter):
    """The answers of a client whose policies are dicts and whose keys are tuples.

    Attributes:
        commit_master: the client's number for the commit level ``master``.
        replica_to_leave_master: by the client's number for a replica policy, the number that takes its
            place when a read leaves the master. Replica policies that are not here stay.
    """

    commit_master: ClassVar[int]
    replica_to_leave_master: ClassVar[Mapping[int, int]] = {}

    def take_policy(
        self,
        client: Any,  # noqa: ARG002
        operation: Operation,
        arguments: dict[str, Any],
        place: tuple[str, str] | None,  # noqa: ARG002
    ) -> Any:
        """Remove the policy from a call's arguments and return it."""
        return arguments.pop(operation.policy, None)

    def caller_fields(self, operation: Operation, policy: Any) -> Mapping[str, Any] | None:  # noqa: ARG002
        """Return a caller's policy dict; None if the client will object to it."""
        if isinstance(policy, dict) and all(
            type(policy.get(name, 0)) is int and policy.get(name, 0) >= 0 for name in _NUMBERS
        ):
            return policy
        return None

    def policy_content(self, operation: Operation, policy: Any) -> Hashable | None:  # noqa: ARG002
        """Return the contents of a policy dict; None if it holds more than plain values."""
        try:
            return _content(policy, 2)
        except ValueError:
            return None

    def place(self, key: object) -> tuple[str, str] | None:
        """Return the namespace and the set of ``(namespace, set, user key[, digest])``."""
        if isinstance(key, tuple) and len(key) >= 3 and isinstance(key[0], str):
            return key[:2] if isinstance(key[1], str) or key[1] is None else None
        return None

    def tailor(self, family: str, fields: Mapping[str, Any], attempt: AttemptPolicy) -> Any:
        """Make the policy dict of one attempt. Info and admin commands only take ``timeout``."""
        policy = dict(fields)
        if family in ("info", "admin"):
            policy["timeout"] = attempt.total_timeout_ms
            return policy
        policy["total_timeout"] = attempt.total_timeout_ms
        policy["socket_timeout"] = attempt.socket_timeout_ms
        policy["max_retries"] = attempt.max_retries
        if attempt.commit_master:
            policy["commit_level"] = self.commit_master
        if attempt.leave_master and policy.get("replica") in self.replica_to_leave_master:
            policy["replica"] = self.replica_to_leave_master[policy["replica"]]
        return policy

    def commits_alone(self, fields: Mapping[str, Any]) -> bool:
        """Return whether the commit level is that of the master alone."""
        return bool(fields.get("commit_level") == self.commit_master)

    def sender(self, method: Callable[..., Any], operation: Operation) -> Send:
        """Return the native call. It passes the policy under the method's own name for it."""
        return policy_sender(method, operation.policy)
