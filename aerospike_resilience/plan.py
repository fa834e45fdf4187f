"""Planning: a profile and a client's table of operations, resolved into one `Plan` each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .call import Call, Plan, Send
from .clients import Adapter
from .operation import Key, Kind, Operation, Shape
from .profiles import Profile


class Planner:
    """Resolves operations of one client under one profile. Plans are made once and kept.

    Args:
        adapter: the client's adapter.
        client: the client.
        profile: the profile.
    """

    def __init__(self, adapter: Adapter, client: Any, profile: Profile) -> None:
        self._adapter = adapter
        self._client = client
        self._profile = profile
        self._own = adapter.own_policies(client)
        self._plans: dict[tuple[Any, ...], Plan] = {}

    @property
    def plans(self) -> list[Plan]:
        """Every plan made so far, but for those that a caller's own policy shaped."""
        return list(self._plans.values())

    def plain(self, operation: Operation) -> Plan:
        """Return the plan of a call that gives nothing but the operation's leading arguments."""
        return self._kept(operation, None, {}, None)

    def prepare(
        self,
        operation: Operation,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        *,
        idempotent: bool | None = None,
        send: Send | None = None,
    ) -> Call:
        """Return a call of any form: by keyword, with a policy of its own, in a set with its own.

        Args:
            operation: the method.
            args: positional arguments as given.
            kwargs: keyword arguments as given.
            idempotent: the application's word on whether it may be sent again.
            send: the native call, where it is not the client's method of the operation's name.
        """
        if len(args) > len(operation.parameters) or not kwargs.keys() <= {*operation.parameters}:
            # No such form: the client raises its own TypeError, undisturbed by a policy of ours.
            return Call(self._bare(operation, send), args, kwargs, None)
        arguments = operation.bind(args, kwargs)
        caller = arguments.pop(operation.policy, None) if operation.policy else None
        key = arguments.get(operation.key) if operation.key else None
        key = key if isinstance(key, tuple) and len(key) >= 3 else None
        if caller is None:
            plan = self._kept(operation, send, arguments, idempotent, key)
        else:
            plan = self._plan(operation, send, arguments, idempotent, key, caller)
        policy_at = (
            operation.parameters.index(operation.policy)
            if operation.policy in operation.parameters
            else len(args)
        )
        before, after = args[:policy_at], operation.parameters[policy_at + 1 : len(args)]
        named = {name: arguments[name] for name in (*after, *kwargs) if name in arguments}
        return Call(plan, before, named, key)

    def _kept(
        self,
        operation: Operation,
        send: Send | None,
        arguments: Mapping[str, Any],
        idempotent: bool | None,
        key: Key | None = None,
    ) -> Plan:
        operation, retryable = self._sort(operation, arguments, idempotent)
        said = idempotent is True
        place = (key[0], key[1]) if key is not None and self._profile.has_sets else (None, None)
        index = (operation.name, operation.family, operation.kind, retryable, said, *place)
        if send is not None:  # a lazy object's own method: a new one each time
            return self._resolve(operation, send, retryable, said, place, None)
        try:
            return self._plans[index]
        except KeyError:
            plan = self._resolve(operation, send, retryable, said, place, None)
            return self._plans.setdefault(index, plan)
        except TypeError:  # a namespace or set that cannot be one; the client says so
            return self._resolve(operation, send, retryable, said, (None, None), None)

    def _plan(
        self,
        operation: Operation,
        send: Send | None,
        arguments: Mapping[str, Any],
        idempotent: bool | None,
        key: Key | None,
        caller: Any,
    ) -> Plan:
        operation, retryable = self._sort(operation, arguments, idempotent)
        place = (key[0], key[1]) if key is not None else (None, None)
        return self._resolve(operation, send, retryable, idempotent is True, place, caller)

    @staticmethod
    def _sort(
        operation: Operation, arguments: Mapping[str, Any], idempotent: bool | None
    ) -> tuple[Operation, bool]:
        """Tell a read from a write and a repeatable write from another, by the arguments."""
        if operation.read_only is not None and operation.read_only(arguments):
            return replace(operation, kind=Kind.READ), True
        if idempotent is None:
            idempotent = not operation.writes or operation.idempotent(arguments)
        return operation, idempotent

    def _resolve(
        self,
        operation: Operation,
        send: Send | None,
        idempotent: bool,
        said: bool,
        place: tuple[Any, Any],
        caller: Any,
    ) -> Plan:
        adapter, profile = self._adapter, self._profile

        settings = profile.settings(
            operation, retryable=idempotent, namespace=place[0], set_name=place[1]
        )
        values = {name: setting.value for name, setting in settings.items()}
        fields = adapter.fields(operation, values) if operation.policy else {}
        if not fields or not _usable(caller):
            # The profile leaves this operation as the client has it, or the client will object to
            # what the caller gave.
            return self._bare(operation, send, caller)
        fields.update(caller or {})
        family = (
            "batch_parent_write"
            if operation.family == "batch" and operation.writes
            else operation.family
        )
        effective = {**self._own.get(family, {}), **fields}
        conditional = operation.writes and adapter.conditional(effective)
        idempotent = idempotent and (said or not conditional)
        total_s = _seconds(effective.get("total_timeout", effective.get("timeout")))
        socket_s = min(_seconds(effective.get("socket_timeout")), total_s)
        retries = _count(effective.get("max_retries"))
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
                fields,
                total_timeout_ms=_ms(total_s),
                socket_timeout_ms=_ms(socket_s),
                max_retries=native,
            ),
            total_timeout_s=total_s,
            socket_timeout_s=socket_s,
            max_tries=retries + 1,
            native_retries=native,
            idempotent=idempotent,
            conditional=conditional,
            failover=failover,
            rows=rows,
        )

    def _bare(self, operation: Operation, send: Send | None, policy: Any = None) -> Plan:
        """Return a plan that sends the call as the application made it, once."""
        return Plan(
            operation,
            self._profile.name,
            send=send or self._sender(operation),
            classify=self._adapter.classify,
            fields={},
            policy=policy,
        )

    def _sender(self, operation: Operation) -> Send:
        return self._adapter.sender(getattr(self._client, operation.name), operation)


def _usable(caller: Any) -> bool:
    if caller is None:
        return True
    numbers = ("total_timeout", "socket_timeout", "max_retries", "timeout")
    return isinstance(caller, Mapping) and all(
        type(caller.get(name, 0)) is int and caller.get(name, 0) >= 0 for name in numbers
    )


def _seconds(milliseconds: Any) -> float:
    """Turn a policy's milliseconds into seconds; 0 and unset stand for no limit."""
    if not isinstance(milliseconds, int) or milliseconds <= 0:
        return math.inf
    return milliseconds / 1000


def _ms(seconds: float) -> int:
    return 0 if math.isinf(seconds) else round(seconds * 1000)


def _count(number: Any) -> int:
    return number if isinstance(number, int) and number > 0 else 0
