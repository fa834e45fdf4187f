"""Rows of the clients' operation tables, one function for each shape of operation."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final

from ...model.operation import Idempotence, Kind, Operation, Shape, always, never

_NAMESPACES: Final = ("ns", "namespace")
_SETS: Final = ("set", "set_name")
_MODULES: Final = ("module", "server_path", "udf_name", "package_name")
_FUNCTIONS: Final = ("function", "function_name")


def _one_of(known: tuple[str, ...], names: tuple[str, ...]) -> str:
    return next((name for name in names if name in known), "")


def _place(*names: str) -> tuple[str, str]:
    """Return which parameters name a namespace and a set."""
    return _one_of(_NAMESPACES, names), _one_of(_SETS, names)


def _procedure(*names: str) -> tuple[str, str]:
    """Return which parameters name a UDF's module and its function."""
    module, function = _one_of(_MODULES, names), _one_of(_FUNCTIONS, names)
    return (module, function) if module and function else ("", "")


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
        place=_place(*parameters.split()),
        procedure=_procedure(*parameters.split()),
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
        place=_place(*names),
        procedure=_procedure(*names),
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
        place=_place(*parameters.split(), *keywords.split()),
        procedure=_procedure(*parameters.split(), *keywords.split()),
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
        place=_place(*names, *by_keyword),
        procedure=_procedure(*names, *by_keyword),
    )
