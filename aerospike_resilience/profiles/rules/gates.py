"""Rules on the gate's limits, compared with the pool and with each other."""

from __future__ import annotations

from ..units import node_permits
from .subject import Found, Subject


def gate_above_pool(subject: Subject) -> Found:
    """``max_concurrent_operations``, or ``max_per_node`` of it, above ``max_conns_per_node``."""
    profile = subject.profile
    gate, pool = (
        profile.backpressure.max_concurrent_operations,
        profile.connection.max_conns_per_node,
    )
    if gate and pool and _of_one_node(subject, gate) > pool:
        yield (
            profile.origin("backpressure.max_concurrent_operations"),
            f"{_of_one_node(subject, gate)} operations may run at once over a pool of {pool} connections "
            "for each node, so a slow node empties its pool before the gate closes",
            f"max_concurrent_operations of at most {pool}, or max_per_node",
        )


def ceiling_above_pool(subject: Subject) -> Found:
    """``ceiling`` of an adaptive limit above ``max_conns_per_node``."""
    profile, words = subject.profile, subject.profile.backpressure
    pool = profile.connection.max_conns_per_node
    if not words.max_concurrent_operations or words.limit != "adaptive" or not pool:
        return
    if _of_one_node(subject, words.ceiling) > pool:
        yield (
            _origin(subject, "ceiling", "limit"),
            f"the limit may grow to {words.ceiling} over a pool of {pool} connections for each node, so it "
            "learns from an exhausted pool what could be said here",
            f"ceiling of at most {pool}",
        )


def start_out_of_bounds(subject: Subject) -> Found:
    """``floor`` above ``max_concurrent_operations``, or ``ceiling`` below: the limit begins there."""
    profile, words = subject.profile, subject.profile.backpressure
    start, given = words.max_concurrent_operations, profile.leaves()
    if not start or words.limit != "adaptive":
        return
    for name, bound, wrong, side in (
        ("floor", words.floor, words.floor > start, "above"),
        ("ceiling", words.ceiling, words.ceiling < start, "below"),
    ):
        # Only values in a file count: a default is not the author's choice.
        if wrong and given.get(("backpressure", name)) is not None:
            yield (
                profile.origin(f"backpressure.{name}"),
                f"{name} ({bound}) is {side} max_concurrent_operations ({start}), with which the limit "
                f"begins, so {start} is the {name}",
                f"{name} of at {'most' if name == 'floor' else 'least'} {start}, or another start",
            )


def never_reached(subject: Subject) -> Found:
    """``max_per_node`` or ``batch_weight_cap`` that is not below the limit of the gate."""
    profile, words = subject.profile, subject.profile.backpressure
    most, given = words.max_concurrent_operations, profile.leaves()
    if not most:
        return
    if words.limit == "adaptive":
        most = max(most, words.ceiling)
    if node_permits(words.max_per_node, most) == most:
        yield (
            profile.origin("backpressure.max_per_node"),
            f"the gate has {most} permits at most, and max_per_node is {words.max_per_node:g}: one slow "
            "node may hold all of them",
            f"max_per_node below {most}, or a share such as 0.5",
        )
    cap = given.get(("backpressure", "batch_weight_cap"))
    if words.batch_weight == "nodes" and cap is not None and words.batch_weight_cap > most:
        yield (
            profile.origin("backpressure.batch_weight_cap"),
            f"a batch takes up to {words.batch_weight_cap} permits of {most}, so one that touches as many "
            "nodes waits until nothing else is under way",
            f"batch_weight_cap well below {most}",
        )


def lasting_stack(subject: Subject) -> Found:
    """``queue: lifo`` without ``operation_queue_timeout``."""
    profile, words = subject.profile, subject.profile.backpressure
    if not words.max_concurrent_operations or words.queue != "lifo":
        return
    if not words.operation_queue_timeout_s:
        yield (
            profile.origin("backpressure.queue"),
            "the newest are served first and nobody is sent away, so under overload the others wait for "
            "as long as their deadline, or forever where they have none",
            "operation_queue_timeout, well below total_timeout",
        )


def gate_in_gate(subject: Subject) -> Found:
    """A client with a gate of its own, and which of the two is in force."""
    profile, covers = subject.profile, subject.client.own_gate
    if not covers:
        return
    if profile.backpressure.max_concurrent_operations:
        says = (
            "the profile's gate is in force, for every operation; one in the client's configuration "
            f"stands inside it, counts {covers}, and its queue comes on top"
        )
        fix = "no max_concurrent_operations in the client's configuration"
    else:
        says = (
            "the profile has no gate, so one in the client's configuration is in force; it counts "
            f"{covers}"
        )
        fix = "max_concurrent_operations in the profile, and none in the client's configuration"
    yield profile.origin("backpressure.max_concurrent_operations"), says, fix


def _of_one_node(subject: Subject, limit: int) -> int:
    """Return how many permits of a limit the records of one node may take."""
    return node_permits(subject.profile.backpressure.max_per_node, limit) or limit


def _origin(subject: Subject, name: str, otherwise: str) -> str:
    """Return where a gate setting is set, or else the setting that put it in force."""
    written = subject.profile.leaves().get(("backpressure", name)) is not None
    return subject.profile.origin(f"backpressure.{name if written else otherwise}")
