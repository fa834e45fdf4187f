"""Planning: finds the plan of each call of a client, under one profile. Each plan is made once and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ..clients import Adapter
from ..model.call import Call
from ..model.operation import Key, Operation
from ..model.plan import OnRefusal, Plan, Send
from ..profiles import Profile
from .plan_key import NamespaceSet, PlanKey, PlanKeys
from .resolution import Resolver


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
        self._on_refusal = on_refusal
        self.place = adapter.place
        self.policy_content = adapter.policy_content
        # A separate planner, as a plan that held its planner would make a reference cycle.
        reader = (
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
        self._plan_key = PlanKeys(profile, strong, single).of
        self._resolver = Resolver(
            *(adapter, client, profile, client_name),
            forked=forked,
            on_refusal=on_refusal,
            prepare_read=None if reader is None else reader.prepare,
        )
        self.own = self._resolver.own
        self._on_plan = on_plan
        self._adapter = adapter
        self._client = client
        self._profile = profile
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
            plan = self._resolver.resolve(operation, plan_key, _never_sent)
        if plan.policy is None:
            return SentPolicy({}, {})
        whole = self._adapter.caller_fields(operation, plan.policy) or {}
        names = {*plan.fields, "total_timeout", "socket_timeout", "max_retries", "timeout"}
        rest = {name: whole[name] for name in names if name in whole}
        by_field = {}
        for field, setting in self._resolver.settings(plan.operation, plan_key).items():
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
                plan = self._resolver.resolve(operation, plan_key, send, policy, given)
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
        return Call(self._resolver.bare(operation, send), args, kwargs, None)

    def _kept(self, operation: Operation, send: Send | None, plan_key: PlanKey) -> Plan:
        if not self._profile.has_sets:
            plan_key = plan_key._replace(place=None)
        if send is not None:  # a lazy object's own method is a new one each time
            return self._resolver.resolve(operation, plan_key, send)
        index = (operation.attribute, operation.family, plan_key)
        try:
            return self._plans[index]
        except KeyError:
            plan = self._resolver.resolve(operation, plan_key, send)
            kept = self._plans.setdefault(index, plan)
            if kept is plan:
                self._on_plan(plan)  # is in `plans` by now, so no change of those misses it
            return kept


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


def _never_sent(_args: tuple[Any, ...], _kwargs: Mapping[str, Any], _policy: Any) -> Any:
    raise AssertionError("a plan for explaining is not for sending")
