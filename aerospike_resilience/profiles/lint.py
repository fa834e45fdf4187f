"""Lint: settings that are valid, and will go wrong in production."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from ..operation import Kind, Operation, Shape
from .profile import Profile, Setting


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that will go wrong.

    Attributes:
        id: what a file names to say that it is meant to be so.
        severity: ``error`` contradicts itself or loses data; ``warning`` will hurt; ``note`` surprises.
        profile: the profile's name.
        origin: file and line of the value, ``policies/mine.yaml:12``.
        message: what will happen in production.
        fix: what to do.
    """

    id: str
    severity: Literal["error", "warning", "note"]
    profile: str
    origin: str
    message: str
    fix: str


Found: TypeAlias = Iterator[tuple[str, str, str]]
"""Origin, message and fix."""

Rule: TypeAlias = Callable[[Profile, Sequence[Operation]], Found]

MIN_SILENCE_S: Final = 0.1


def examine(profile: Profile, operations: Sequence[Operation]) -> list[Finding]:
    """Return what will go wrong with a profile, but for what its file ignores with a reason.

    Args:
        profile: the profile.
        operations: the client's operations.
    """
    findings = [
        Finding(name, severity, profile.name, origin, message, fix)
        for name, (severity, rule) in RULES.items()
        if name not in profile.ignored
        for origin, message, fix in rule(profile, operations)
    ]
    return list(dict.fromkeys(findings))


def _resolved(
    profile: Profile, operations: Iterable[Operation]
) -> Iterator[tuple[Operation, bool, dict[str, Setting]]]:
    for operation in operations:
        if operation.kind in (Kind.READ, Kind.WRITE):
            for retryable in (True, False) if operation.kind is Kind.WRITE else (True,):
                found = dict(profile.settings(operation, retryable=retryable))
                yield operation, retryable, found


def _value(settings: dict[str, Setting], field: str, default: Any = 0) -> Any:
    return settings[field].value if field in settings else default


def _retries_never_happen(profile: Profile, operations: Sequence[Operation]) -> Found:
    for operation, _retryable, found in _resolved(profile, operations):
        retries, total = _value(found, "max_retries"), _value(found, "total_timeout")
        socket = _value(found, "socket_timeout")
        if retries and total and (not socket or socket > total / (retries + 1)):
            at = found.get("socket_timeout", found["total_timeout"]).origin
            yield (
                at,
                f"{_side(operation)} wait {socket or total} ms for one node out of {total} ms in all, so a "
                f"stalled node uses up the time of their {retries} retries",
                f"socket_timeout of at most {total // (retries + 1)} ms",
            )


def _unsafe_retries(profile: Profile, operations: Sequence[Operation]) -> Found:
    for operation, retryable, found in _resolved(profile, operations):
        if operation.kind is Kind.WRITE and not retryable and _value(found, "max_retries"):
            yield (
                found["max_retries"].origin,
                "max_retries holds for increments, appends and UDFs too; they are sent again only when "
                "certainly not applied, so most of these retries never happen",
                "max_retries under writes_retryable, and 0 under writes_non_retryable",
            )
            return


def _no_end(profile: Profile, operations: Sequence[Operation]) -> Found:
    for operation, _retryable, found in _resolved(profile, operations):
        unlimited = "total_timeout" in found and not found["total_timeout"].value
        if unlimited and operation.shape in (Shape.POINT, Shape.BATCH):
            yield (
                found["total_timeout"].origin,
                f"{_side(operation)} may wait for ever: total_timeout is 0",
                "a total_timeout; 0 is for queries",
            )


def _late_sockets(profile: Profile, operations: Sequence[Operation]) -> Found:
    for _operation, _retryable, found in _resolved(profile, operations):
        if _value(found, "timeout_delay"):
            yield (
                found["timeout_delay"].origin,
                "timed-out sockets keep their pool slot while they drain, so a stalled node empties the "
                "pool (NoMoreConnectionsError)",
                "timeout_delay: 0",
            )


def _gate_above_pool(profile: Profile, _operations: Sequence[Operation]) -> Found:
    gate, pool = (
        profile.backpressure.max_concurrent_operations,
        profile.connection.max_conns_per_node,
    )
    if gate and pool and gate > pool:
        yield (
            profile.origin("backpressure.max_concurrent_operations"),
            f"{gate} operations may run at once over a pool of {pool} connections for each node, so a slow "
            "node empties its pool before the gate closes",
            f"max_concurrent_operations of at most {pool}",
        )


def _queue_outlasts(profile: Profile, operations: Sequence[Operation]) -> Found:
    queue_ms = profile.backpressure.operation_queue_timeout_s * 1000
    for operation, _retryable, found in _resolved(profile, operations):
        total = _value(found, "total_timeout")
        point = operation.shape is Shape.POINT
        if point and profile.backpressure.max_concurrent_operations and total and queue_ms >= total:
            yield (
                profile.origin("backpressure.operation_queue_timeout"),
                f"an operation may queue {queue_ms:.0f} ms of its {total} ms, so what is let through at "
                "last has no time left",
                f"operation_queue_timeout well below {total} ms",
            )
            return


def _sleep_outlasts(profile: Profile, operations: Sequence[Operation]) -> Found:
    for _operation, _retryable, found in _resolved(profile, operations):
        total = _value(found, "total_timeout")
        if total and _value(found, "max_retries") and profile.retry.max_sleep_s * 1000 >= total:
            yield (
                profile.origin("retry.max_sleep"),
                f"one sleep between attempts may take all of the {total} ms, so retries are given up",
                f"retry.max_sleep well below {total} ms",
            )
            return


def _never_hurried(profile: Profile, operations: Sequence[Operation]) -> Found:
    if profile.adaptive_timeout is None:
        return
    for operation, _retryable, found in _resolved(profile, operations):
        retries = _value(found, "max_retries")
        reads = operation.kind is Kind.READ and operation.shape is Shape.POINT
        if reads and retries <= profile.retry.native_failover:
            yield (
                found["max_retries"].origin
                if "max_retries" in found
                else profile.origin("adaptive_timeout"),
                f"with {retries} retries a read makes one attempt, which must be patient, so "
                "adaptive_timeout changes nothing while all is well",
                f"max_retries of at least {profile.retry.native_failover + 2}, or no adaptive_timeout",
            )
            return


def _adaptive_bounds(profile: Profile, _operations: Sequence[Operation]) -> Found:
    adaptive = profile.adaptive_timeout
    if adaptive is not None and adaptive.min_s > adaptive.max_s:
        yield (
            profile.origin("adaptive_timeout.min"),
            f"adaptive_timeout.min ({adaptive.min_s * 1000:.0f} ms) is above max "
            f"({adaptive.max_s * 1000:.0f} ms)",
            "min below max",
        )


def _nervous(profile: Profile, _operations: Sequence[Operation]) -> Found:
    if profile.breaker.mode == "enforce" and profile.breaker.silence_s < MIN_SILENCE_S:
        yield (
            profile.origin("breaker.silence"),
            f"a node that pauses for {profile.breaker.silence_s * 1000:.0f} ms, as a busy one does, has "
            "its writes refused",
            "breaker.silence of 100ms or more",
        )


def _everything_open(profile: Profile, _operations: Sequence[Operation]) -> Found:
    if profile.breaker.mode == "enforce" and profile.breaker.max_open_share >= 1:
        yield (
            profile.origin("breaker.max_open_share"),
            "a fault of our own network opens every node, and the service refuses what it could still send",
            "breaker.max_open_share of 0.5 or less",
        )


def _one_copy(profile: Profile, operations: Sequence[Operation]) -> Found:
    if profile.breaker.on_replica_open != "commit_master":
        return
    for operation, _retryable, found in _resolved(profile, operations):
        if operation.kind is Kind.WRITE and _value(found, "commit_level", "") == "all":
            yield (
                found["commit_level"].origin,
                "commit_level: all asks for every replica, and on_replica_open: commit_master gives it up "
                "while a node is open",
                "on_replica_open: fail, or no commit_level",
            )
            return


def _not_taken(profile: Profile, operations: Sequence[Operation]) -> Found:
    known = {operation.name for operation in operations}
    for name in profile.operation_names():
        if name not in known:
            yield (
                profile.origin(f"operations.{name}"),
                f"this client has no operation {name!r}, so what is said of it has no effect",
                "the method's name as the client has it",
            )


RULES: Final[dict[str, tuple[Literal["error", "warning", "note"], Rule]]] = {
    "AR001": ("warning", _retries_never_happen),
    "AR002": ("warning", _gate_above_pool),
    "AR003": ("warning", _late_sockets),
    "AR004": ("warning", _unsafe_retries),
    "AR005": ("note", _never_hurried),
    "AR006": ("error", _adaptive_bounds),
    "AR007": ("warning", _no_end),
    "AR008": ("warning", _nervous),
    "AR009": ("warning", _sleep_outlasts),
    "AR010": ("warning", _queue_outlasts),
    "AR011": ("error", _one_copy),
    "AR012": ("warning", _everything_open),
    "AR013": ("note", _not_taken),
}
"""Every rule by its id."""


def _side(operation: Operation) -> str:
    kind = "reads" if operation.kind is Kind.READ else "writes"
    return kind if operation.shape is Shape.POINT else f"{operation.shape} {kind}"
