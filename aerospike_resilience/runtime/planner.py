"""Planning: resolves each operation of a client, under one profile, into a `Plan`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from ..clients import Adapter
from ..clients.shared.derived import native_method
from ..interceptors import Verification
from ..model.attempt_policy import AttemptPolicy
from ..model.call import Call
from ..model.durations import limit_ms_to_s, limit_s_to_ms
from ..model.operation import Key, Kind, Operation, Shape
from ..model.plan import OnRefusal, Plan, Send, early_s
from ..model.rows import ExpectedWrite
from ..profiles import Profile, Setting

NamespaceSet: TypeAlias = tuple[str, str]
"""A record's namespace and set."""

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Planner:
    """Resolves the operations of one client under one profile. Each plan is made once and kept.

    Args:
        adapter: the client's adapter.
        client: the client.
        profile: the profile.
        strong: whether a namespace is known to be strongly consistent.
        single: whether a namespace is known to have one copy of each record, so that there is no replica.
        on_plan: called with every plan that is kept, before its first use.
        client_name: the wrapped client's name.
        forked: whether a parent process connected the client, so that its threads are not there.
        verifies: whether writes in doubt are verified, if the profile wants it.
        on_refusal: called with the reason and the node of each operation that ends with a refusal.
    """

    def __init__(
        self,
        adapter: Adapter,
        client: Any,
        profile: Profile,
        strong: Callable[[str], bool] = lambda _namespace: False,
        single: Callable[[str], bool] = lambda _namespace: False,
        on_plan: Callable[[Plan], None] = lambda _plan: None,
        client_name: str = "",
        *,
        forked: bool = False,
        verifies: bool = True,
        on_refusal: OnRefusal = lambda _reason, _node: None,
    ) -> None:
        self._client_name = client_name
        self._on_refusal = on_refusal
        self._forked = forked
        self.place = adapter.place
        self.policy_content = adapter.policy_content
        # A separate planner, as a plan that held its planner would make a reference cycle.
        self._reader = (
            Planner(
                *(adapter, client, profile, strong, single),
                client_name=client_name,
                forked=forked,
                verifies=False,
                on_refusal=on_refusal,
            )
            if verifies and profile.retry.in_doubt == "verify"
            else None
        )
        self._strong = strong
        self._single = single
        self._on_plan = on_plan
        self._adapter = adapter
        self._client = client
        self._profile = profile
        self.own = adapter.own_policies(client)
        self._plans: dict[tuple[Any, ...], Plan] = {}

    @property
    def plans(self) -> list[Plan]:
        """Every plan made so far, except those made for a caller's own policy."""
        return list(self._plans.values())

    def plain(self, operation: Operation) -> Plan:
        """Return the plan of a call with nothing but the operation's leading arguments."""
        return self._kept(operation, None, self._plan_key(operation, {}, None, None))

    def explained(
        self,
        operation: Operation,
        place: NamespaceSet | None = None,
        *,
        idempotent: bool | None = None,
    ) -> SentPolicy:
        """Return the policy that a call sends to the client, given only the record's namespace and set.

        It is the first attempt's policy. An attempt with less time or fewer tries left sends less.
        Without a client it is the profile's own policy, before any adaptive timeout.

        Args:
            operation: the method.
            place: the record's namespace and set, empty for none.
            idempotent: whether it may be sent again, as the application declares; None if it does not.
        """
        plan_key = self._plan_key(operation, {}, idempotent, place)
        if self._client is not None and hasattr(self._client, operation.attribute):
            plan = self._kept(operation, None, plan_key)
        else:
            plan = self._resolve(operation, plan_key, _never_sent)
        if plan.policy is None:
            return SentPolicy({}, {})
        whole = self._adapter.caller_fields(operation, plan.policy) or {}
        names = {*plan.fields, "total_timeout", "socket_timeout", "max_retries", "timeout"}
        rest = {name: whole[name] for name in names if name in whole}
        by_field = {}
        for field, setting in self._settings(plan.operation, plan_key).items():
            for name in self._adapter.fields(operation, {field: setting.value}):
                if name in whole:
                    by_field[field] = whole[name]
                    rest.pop(name, None)
        return SentPolicy(by_field, rest)

    def prepare(
        self,
        operation: Operation,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        *,
        idempotent: bool | None = None,
        send: Send | None = None,
    ) -> Call:
        """Return a call of any form: by keyword, with a policy of its own, in a set with its own options.

        Args:
            operation: the method.
            args: positional arguments as given.
            kwargs: keyword arguments as given.
            idempotent: whether it may be sent again, as the application declares; None if it does not.
            send: the native call, where it is not the client's method of the operation's name.
        """
        if not _is_a_form_of(operation, args, kwargs):
            return self.as_given(operation, send, args, kwargs)
        arguments = operation.bind(args, kwargs)
        found = self._planned(operation, arguments, idempotent, send)
        if found is None:
            return self.as_given(operation, send, args, kwargs)
        plan, key, gave_policy = found
        policy_at = (
            operation.parameters.index(operation.policy)
            if operation.policy in operation.parameters
            else len(args)
        )
        before, after = args[:policy_at], operation.parameters[policy_at + 1 : len(args)]
        named = {name: arguments[name] for name in (*after, *kwargs) if name in arguments}
        call = Call(plan, before, named, key)
        if gave_policy:
            call.given = args, kwargs
        return call

    def plan(
        self,
        operation: Operation,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        *,
        idempotent: bool | None = None,
    ) -> Plan | None:
        """Return the plan of a call of any form; None where the client is about to refuse the call."""
        found = self._planned(operation, operation.bind(args, kwargs), idempotent, None)
        return None if found is None else found[0]

    def _planned(
        self,
        operation: Operation,
        arguments: dict[str, Any],
        idempotent: bool | None,
        send: Send | None,
    ) -> tuple[Plan, Key | None, bool] | None:
        """Take the policy out of a call's arguments, and return its plan, its key, and whether it gave one.

        None where the client is about to refuse the call.
        """
        policy = given = key = None
        try:
            key = arguments.get(operation.key) if operation.key else None
            place = self._adapter.place(key) if key is not None else None
            policy = self._adapter.take_policy(self._client, operation, arguments, place)
            plan_key = self._plan_key(operation, arguments, idempotent, place)
            if policy is not None:
                given = self._adapter.caller_fields(operation, policy)
                if given is None:  # the client will refuse it
                    return None
                plan = self._resolve(operation, plan_key, send, policy, given)
        except Exception:  # noqa: BLE001 - arguments that cannot be read; the client will refuse them
            return None
        if policy is None:
            plan = self._kept(operation, send, plan_key)
        return plan, key if place is not None else None, policy is not None

    def as_given(
        self,
        operation: Operation,
        send: Send | None,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Call:
        """Return a call that the client will refuse, exactly as the application made it.

        This library adds nothing to it, so that the client raises the same error with the same text.
        """
        return Call(self._bare(operation, send), args, kwargs, None)

    def _kept(self, operation: Operation, send: Send | None, plan_key: PlanKey) -> Plan:
        if not self._profile.has_sets:
            plan_key = plan_key._replace(place=None)
        if send is not None:  # a lazy object's own method is a new one each time
            return self._resolve(operation, plan_key, send)
        index = (operation.attribute, operation.family, plan_key)
        try:
            return self._plans[index]
        except KeyError:
            plan = self._resolve(operation, plan_key, send)
            kept = self._plans.setdefault(index, plan)
            if kept is plan:
                self._on_plan(plan)  # is in `plans` by now, so no change of those misses it
            return kept

    def _resolve(
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
        settings = self._settings(operation, plan_key)
        values = {name: setting.value for name, setting in settings.items()}
        fields = adapter.fields(operation, values) if operation.policy else {}
        forced = (
            adapter.fields(operation, adapter.in_forked_child)
            if self._forked and operation.policy
            else {}
        )
        own = self.own.get(adapter.own_family(operation), _NOTHING)
        if not (fields or forced):  # the profile sets nothing for this operation
            return self._bare(operation, send, policy)
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

    def _settings(self, operation: Operation, plan_key: PlanKey) -> Mapping[str, Setting]:
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
        adapter, reader = self._adapter, self._reader
        name = adapter.reads_back.get(operation.attribute)
        if name is None or reader is None:
            return None
        read = adapter.operations[name]

        def wanted(call: Call) -> ExpectedWrite | None:
            return adapter.expected_write(operation.bind(call.args, call.kwargs), fields)

        def reading(call: Call) -> Call:
            look = reader.prepare(read, (call.key,), {})
            look.deadline, look.started, look.now = call.deadline, call.started, call.now
            look.tailored = True
            return look

        return Verification(wanted, reading, adapter.record, adapter.write_result)

    def _plan_key(
        self,
        operation: Operation,
        arguments: Mapping[str, Any],
        declared_idempotent: bool | None,
        place: NamespaceSet | None,
    ) -> PlanKey:
        """Return the plan's key: read or write, and repeatable or not, by the arguments."""
        only_reads = operation.read_only is not None and operation.read_only(arguments)
        kind = Kind.READ if only_reads else operation.kind
        if declared_idempotent is None or only_reads:
            idempotent = kind is not Kind.WRITE or operation.idempotent(arguments)
        else:
            idempotent = declared_idempotent
        handed_over = operation.retries_itself is not None and operation.retries_itself(arguments)
        strong = place is not None and self._profile.has_consistency and self._strong(place[0])
        return PlanKey(
            kind,
            idempotent,
            None if kind is Kind.READ else declared_idempotent,
            handed_over,
            strong,
            place is not None and kind is Kind.READ and self._single(place[0]),
            self._profile.place_of_sets(*place) if place is not None else None,
        )

    def _bare(self, operation: Operation, send: Send | None, policy: Any = None) -> Plan:
        """Return a plan that sends the call as the application made it, once."""
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
            commits_alone=operation.writes and self._adapter.commits_alone(own),
            client_name=self._client_name,
            on_refusal=self._on_refusal,
            raised_as=self._adapter.raised_as,
            row_reader=self._adapter.rows(operation) if operation.shape is Shape.BATCH else None,
            at_master_s=0.0 if policy is not None else self._at_master_s(operation, own, early),
        )

    def _at_master_s(
        self, operation: Operation, effective: Mapping[str, Any], early: float
    ) -> float:
        """Return in less than how many seconds the master answers; 0 where another node may have."""
        begins_there = operation.writes or self._adapter.begins_at_master(effective)
        return early if operation.shape is Shape.POINT and begins_there else 0.0

    def _sender(self, operation: Operation) -> Send:
        adapter = self._adapter
        return adapter.sender(native_method(self._client, operation, adapter.recognises), operation)


class PlansOnDemand(Mapping[str, Plan]):
    """The plans of plain calls, each made when it is first asked for.

    Args:
        planner: makes and keeps them.
        operations: the client's operations, by name.
    """

    __slots__ = ("_operations", "_planner")

    def __init__(self, planner: Planner, operations: Mapping[str, Operation]) -> None:
        self._planner = planner
        self._operations = operations

    def __getitem__(self, name: str) -> Plan:
        return self._planner.plain(self._operations[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._operations)

    def __len__(self) -> int:
        return len(self._operations)


def _is_a_form_of(operation: Operation, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Return whether the arguments fit a method: none is unknown, too many or given twice."""
    names = operation.parameters
    if len(args) > len(names):
        return False
    return not kwargs or (
        all(name in names or name in operation.keywords for name in kwargs)
        and kwargs.keys().isdisjoint(names[: len(args)])
    )


class SentPolicy(NamedTuple):
    """The policy that a call sends to the client.

    Attributes:
        by_field: the client's values by the profile's field, for fields that the client takes.
        rest: further fields that the chain sends, by the client's names: the client's own configuration.
    """

    by_field: Mapping[str, Any]
    rest: Mapping[str, Any]


class PlanKey(NamedTuple):
    """What a plan depends on besides operation and profile.

    Attributes:
        kind: read or write, where the arguments decide it.
        idempotent: whether it may be sent again.
        declared_idempotent: what the application declared about that; None where it declared nothing.
        handed_over: whether the caller asked the client itself to send failed rows again.
        strong: whether the record's namespace is strongly consistent, where the profile treats those
            differently.
        single: whether the record's namespace has one copy of each record.
        place: the record's namespace and set, as far as the profile has options for them. Other names are
            left out, so that there are no more plans than such options.
    """

    kind: Kind
    idempotent: bool
    declared_idempotent: bool | None
    handed_over: bool
    strong: bool
    single: bool
    place: NamespaceSet | None


def _never_sent(_args: tuple[Any, ...], _kwargs: Mapping[str, Any], _policy: Any) -> Any:
    raise AssertionError("a plan for explaining is not for sending")


def _count(number: Any) -> int:
    return number if isinstance(number, int) and number > 0 else 0
