"""Resolution: makes the plan of an operation from the profile, the client's own policy and the caller's."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from ..clients import Adapter
from ..clients.shared.derived import native_method
from ..interceptors import Verification
from ..model.attempt_policy import AttemptPolicy
from ..model.call import Call
from ..model.durations import limit_ms_to_s, limit_s_to_ms
from ..model.operation import Kind, Operation, Shape
from ..model.plan import OnRefusal, Plan, Send, early_s
from ..model.rows import ExpectedWrite
from ..profiles import Profile, Setting
from .plan_key import PlanKey

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Resolver:
    """Makes the plans of one client's operations under one profile. It keeps none.

    Args:
        adapter: the client's adapter.
        client: the client.
        profile: the profile.
        client_name: the wrapped client's name.
        forked: whether a parent process connected the client, so that its threads are not there.
        on_refusal: called with the reason and the node of each operation that ends with a refusal.
        prepare_read: prepares the read of a record whose write is in doubt; None to verify none.

    Attributes:
        own: the client's own policies, by family.
    """

    def __init__(
        self,
        adapter: Adapter,
        client: Any,
        profile: Profile,
        client_name: str,
        *,
        forked: bool,
        on_refusal: OnRefusal,
        prepare_read: Callable[[Operation, tuple[Any, ...], Mapping[str, Any]], Call] | None,
    ) -> None:
        self._adapter = adapter
        self._client = client
        self._profile = profile
        self._client_name = client_name
        self._forked = forked
        self._on_refusal = on_refusal
        self._prepare_read = prepare_read
        self.own = adapter.own_policies(client)

    def resolve(
        self,
        operation: Operation,
        plan_key: PlanKey,
        send: Send | None,
        policy: Any = None,
        given: Mapping[str, Any] = _NOTHING,
    ) -> Plan:
        """Return a plan.

        Args:
            operation: the method.
            plan_key: what else the plan depends on.
            send: the native call, where it is not the client's method of the operation's name.
            policy: the caller's own policy; None where there is none.
            given: its fields.
        """
        if operation.kind is not plan_key.kind:
            operation = replace(operation, kind=plan_key.kind)
        idempotent = plan_key.idempotent
        adapter, profile = self._adapter, self._profile
        settings = self.settings(operation, plan_key)
        values = {name: setting.value for name, setting in settings.items()}
        fields = adapter.fields(operation, values) if operation.policy else {}
        forced = (
            adapter.fields(operation, adapter.in_forked_child)
            if self._forked and operation.policy
            else {}
        )
        own = self.own.get(adapter.own_family(operation), _NOTHING)
        if not (fields or forced):  # the profile sets nothing for this operation
            return self.bare(operation, send, policy, given)
        fields = {**fields, **given, **forced}
        effective = {**own, **fields}
        conditional = operation.writes and adapter.conditional(effective)
        idempotent = idempotent and (bool(plan_key.declared_idempotent) or not conditional)
        total_s = limit_ms_to_s(effective.get("total_timeout", effective.get("timeout")))
        socket_s = min(limit_ms_to_s(effective.get("socket_timeout")), total_s)
        retries = 0 if plan_key.handed_over else _count(effective.get("max_retries"))
        reads = operation.kind is Kind.READ
        failover = reads and adapter.moves_to_replica(effective)
        rows = adapter.rows(operation) if operation.shape is Shape.BATCH else None
        if operation.shape is Shape.POINT or rows is not None:
            native = min(retries, profile.retry.native_failover) if failover else 0
        else:
            # Partitions fail one by one inside the native call, so its retries stay there.
            native = retries if reads or idempotent else 0
            retries = native
        return Plan(
            operation,
            profile.name,
            send=send or self._sender(operation),
            classify=adapter.classify,
            fields=fields,
            policy=adapter.tailor(
                operation.family,
                fields,
                AttemptPolicy(limit_s_to_ms(total_s), limit_s_to_ms(socket_s), native),
            ),
            configured=functools.partial(adapter.configured, own),
            total_timeout_s=total_s,
            socket_timeout_s=socket_s,
            sleep_between_retries_s=_count(effective.get("sleep_between_retries")) / 1000,
            asked_for="max_retries" in given,
            max_tries=retries + 1,
            native_retries=native,
            idempotent=idempotent,
            declared_idempotent=plan_key.declared_idempotent,
            conditional=conditional,
            commits_alone=operation.writes and adapter.commits_alone(effective),
            failover=failover,
            single=plan_key.single,
            rows=rows,
            verification=self._verification(operation, fields) if operation.writes else None,
            client_name=self._client_name,
            on_refusal=self._on_refusal,
            raised_as=adapter.raised_as,
            at_master_s=self._at_master_s(operation, effective, early_s(socket_s)),
        )

    def bare(
        self,
        operation: Operation,
        send: Send | None,
        policy: Any = None,
        given: Mapping[str, Any] = _NOTHING,
    ) -> Plan:
        """Return a plan that sends the call as the application made it, once.

        Args:
            operation: the method.
            send: the native call, where it is not the client's method of the operation's name.
            policy: the caller's own policy; None where there is none.
            given: its fields.
        """
        own = self.own.get(self._adapter.own_family(operation), _NOTHING)
        limits = (limit_ms_to_s(own.get(name)) for name in ("socket_timeout", "total_timeout"))
        early = early_s(min(limits))
        return Plan(
            operation,
            self._profile.name,
            send=send or self._sender(operation),
            classify=self._adapter.classify,
            fields={},
            policy=policy,
            commits_alone=operation.writes and self._adapter.commits_alone({**own, **given}),
            client_name=self._client_name,
            on_refusal=self._on_refusal,
            raised_as=self._adapter.raised_as,
            row_reader=self._adapter.rows(operation) if operation.shape is Shape.BATCH else None,
            at_master_s=0.0 if policy is not None else self._at_master_s(operation, own, early),
        )

    def settings(self, operation: Operation, plan_key: PlanKey) -> Mapping[str, Setting]:
        """Return what the profile says of an operation, by field."""
        namespace, set_name = plan_key.place or (None, None)
        return self._profile.settings(
            operation,
            retryable=plan_key.idempotent,
            strong=plan_key.strong,
            namespace=namespace,
            set_name=set_name,
        )

    def _verification(self, operation: Operation, fields: Mapping[str, Any]) -> Verification | None:
        """Return how writes of an operation are verified, if the profile wants it."""
        adapter, prepare_read = self._adapter, self._prepare_read
        name = adapter.reads_back.get(operation.attribute)
        if name is None or prepare_read is None:
            return None
        read = adapter.operations[name]

        def wanted(call: Call) -> ExpectedWrite | None:
            return adapter.expected_write(operation.bind(call.args, call.kwargs), fields)

        def reading(call: Call) -> Call:
            look = prepare_read(read, (call.key,), {})
            look.deadline, look.started, look.now = call.deadline, call.started, call.now
            look.tailored = True
            return look

        return Verification(wanted, reading, adapter.record, adapter.write_result)

    def _at_master_s(
        self, operation: Operation, effective: Mapping[str, Any], early: float
    ) -> float:
        """Return in less than how many seconds the master answers; 0 where another node may have."""
        begins_there = operation.writes or self._adapter.begins_at_master(effective)
        return early if operation.shape is Shape.POINT and begins_there else 0.0

    def _sender(self, operation: Operation) -> Send:
        adapter = self._adapter
        return adapter.sender(native_method(self._client, operation, adapter.recognises), operation)


def _count(number: Any) -> int:
    return number if isinstance(number, int) and number > 0 else 0
