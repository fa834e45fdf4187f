"""Rows of the clients' operation tables, one function for each shape of operation."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from ...model.operation import Idempotence, Kind, Operation, Shape, always, never


def point(
    name: str,
    kind: Kind,
    parameters: str,
    keywords: str = "",
    *,
    family: str = "",
    idempotent: Idempotence = always,
    read_only: Idempotence | None = None,
    decisive: Callable[..., Hashable] | None = None,
) -> Operation:
    """Return an operation on one record, whose key is ``key`` and whose policy is ``policy``.

    Args:
        name: the method's name.
        kind: what it does to the database.
        parameters: names of its parameters, in positional order.
        keywords: names of the parameters that are taken by keyword only.
        family: the policy's family; ``read`` for reads and ``write`` for writes if left out.
        idempotent: decides whether it may be sent again.
        read_only: decides whether a call of it only reads.
        decisive: returns what of the arguments decides both.
    """
    return Operation(
        name,
        kind,
        Shape.POINT,
        family or ("read" if kind is Kind.READ else "write"),
        tuple(parameters.split()),
        tuple(keywords.split()),
        policy="policy",
        key="key",
        idempotent=idempotent,
        read_only=read_only,
        decisive=decisive,
    )


def batch(
    name: str,
    kind: Kind,
    parameters: str,
    keywords: str = "",
    *,
    policy: str = "policy",
    idempotent: Idempotence = always,
    read_only: Idempotence | None = None,
    retries_itself: Idempotence | None = None,
) -> Operation:
    """Return an operation on many records, whose first parameter holds the rows.

    Args:
        name: the method's name.
        kind: what it does to the database.
        parameters: names of its parameters, in positional order.
        keywords: names of the parameters that are taken by keyword only.
        policy: the parameter that takes the policy of the whole batch.
        idempotent: decides whether it may be sent again.
        read_only: decides whether a call of it only reads.
        retries_itself: decides whether the caller asked the client to send failed rows again.
    """
    names = tuple(parameters.split())
    return Operation(
        name,
        kind,
        Shape.BATCH,
        "batch",
        names,
        tuple(keywords.split()),
        policy=policy,
        rows=names[0],
        idempotent=idempotent,
        read_only=read_only,
        retries_itself=retries_itself,
    )


def query(
    name: str,
    kind: Kind,
    parameters: str,
    keywords: str = "",
    *,
    family: str = "query",
    policy: str = "policy",
) -> Operation:
    """Return a query, a scan or a background job.

    Args:
        name: what it is called in policy files and telemetry.
        kind: what it does to the database.
        parameters: names of its parameters, in positional order.
        keywords: names of the parameters that are taken by keyword only.
        family: the policy's family.
        policy: the parameter that takes the policy.
    """
    return Operation(
        name,
        kind,
        Shape.QUERY,
        family,
        tuple(parameters.split()),
        tuple(keywords.split()),
        policy=policy,
    )


def cluster(
    name: str, kind: Kind, parameters: str, keywords: str = "", *, family: str = ""
) -> Operation:
    """Return an operation on the cluster as a whole. Of these, only info commands may be sent again.

    Args:
        name: the method's name.
        kind: what it does to the database.
        parameters: names of its parameters, in positional order.
        keywords: names of the parameters that are taken by keyword only.
        family: the policy's family; empty where the method takes none.
    """
    names, by_keyword = tuple(parameters.split()), tuple(keywords.split())
    return Operation(
        name,
        kind,
        Shape.CLUSTER,
        family,
        names,
        by_keyword,
        policy="policy" if "policy" in (*names, *by_keyword) else "",
        idempotent=always if kind is Kind.INFO else never,
    )
