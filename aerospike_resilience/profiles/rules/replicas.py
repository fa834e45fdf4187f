"""Rules on which copy of a record is read and written."""

from __future__ import annotations

from typing import Final

from ...model.operation import Kind, Shape
from .subject import Found, Subject, side, value

CONDITIONS: Final = {"gen": ("eq", "gt"), "exists": ("create_only",)}
"""Values under which a write fails once it has been applied."""


def unsafe_retries(subject: Subject) -> Found:
    """``max_retries`` for writes that are not idempotent."""
    for operation, retryable, found in subject.resolved:
        if operation.kind is Kind.WRITE and not retryable and value(found, "max_retries"):
            yield (
                found["max_retries"].origin,
                "max_retries holds for increments, appends and UDFs too; they are sent again only when "
                "certainly not applied, so most of these retries never happen",
                "max_retries under writes_retryable, and 0 under writes_non_retryable",
            )
            return


def one_copy(subject: Subject) -> Found:
    """``commit_level: all`` with ``on_replica_open: commit_master``."""
    profile = subject.profile
    if profile.breaker.on_replica_open != "commit_master":
        return
    for operation, _retryable, found in subject.resolved:
        if operation.kind is Kind.WRITE and value(found, "commit_level", "") == "all":
            yield (
                found["commit_level"].origin,
                "commit_level: all asks for every replica, and on_replica_open: commit_master gives it up "
                "while a node is open",
                "on_replica_open: fail, or no commit_level",
            )
            return


def conditional_retries(subject: Subject) -> Found:
    """``gen`` or ``exists`` conditions on writes that have retries."""
    for operation, retryable, found in subject.resolved:
        if operation.kind is not Kind.WRITE or not retryable or not value(found, "max_retries"):
            continue
        for name, values in CONDITIONS.items():
            if value(found, name, "") in values and subject.takes(operation, name, found[name]):
                yield (
                    found[name].origin,
                    f"every write becomes conditional by {name}: {value(found, name)}, and a conditional "
                    "write that may have been applied is not sent again, so its retries never happen",
                    f"{name} in the call that means it, or max_retries: 0",
                )
                return


def masters_only(subject: Subject) -> Found:
    """Reads with retries that have one node to go to (``replica: master``, ``linearize``)."""
    for operation, _retryable, found in subject.resolved:
        if operation.kind is not Kind.READ or not value(found, "max_retries"):
            continue
        for name, word in (("replica", "master"), ("read_mode_sc", "linearize")):
            if value(found, name, "") == word:
                yield (
                    found[name].origin,
                    f"{side(operation)} with {name}: {word} have one node to go to: while it stalls they "
                    "all fail, and their retries wait for it again",
                    "replica: sequence, or max_retries: 0 where only the master will do",
                )


def random_queries(subject: Subject) -> Found:
    """``replica: random`` on queries and scans, which the client refuses."""
    for operation, _retryable, found in subject.resolved:
        if operation.shape is Shape.QUERY and value(found, "replica", "") == "random":
            yield (
                found["replica"].origin,
                "queries and scans with replica: random are refused by the client (ParamError)",
                "replica: sequence under reads_query and writes_query",
            )


def no_rack(subject: Subject) -> Found:
    """``replica: prefer_rack`` without ``connection.rack_ids``."""
    connection = subject.profile.connection
    if connection.rack_ids or connection.rack_id is not None:
        return
    for operation, _retryable, found in subject.resolved:
        if operation.kind is Kind.READ and value(found, "replica", "") == "prefer_rack":
            yield (
                found["replica"].origin,
                "replica: prefer_rack without a rack of our own goes to the master as sequence does",
                "connection.rack_ids, and the same in the client's configuration",
            )
