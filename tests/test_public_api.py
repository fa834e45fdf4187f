"""A public name is added on purpose: here they all are."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import subprocess
import sys
import typing
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import tenacity

import aerospike_resilience
from aerospike_resilience import Resilience


def test_the_public_names():
    assert sorted(aerospike_resilience.__all__) == [
        "AdaptiveTimeoutSection",
        "AlreadyWrappedError",
        "Arrange",
        "Attempt",
        "AuthMode",
        "AwaitedPerProcessClient",
        "BackpressureError",
        "BackpressureSection",
        "BatchCall",
        "BreakerHooks",
        "BreakerSection",
        "BudgetSection",
        "CHAIN_ORDER",
        "Call",
        "ChainPlace",
        "CircuitOpenError",
        "ClientClosedError",
        "ClientConfig",
        "ClientConfigError",
        "ClusterDefinition",
        "ConnectError",
        "ConnectOptions",
        "Connecting",
        "ConnectionExplanation",
        "ConnectionSection",
        "ConnectionValue",
        "Criticality",
        "DeadlineExceededError",
        "Explanation",
        "Failure",
        "FailureKind",
        "FallbackClient",
        "Fault",
        "ForkedClientError",
        "Host",
        "Interceptor",
        "IsolationError",
        "Key",
        "Kind",
        "LiveASGI",
        "LiveServer",
        "LiveWSGI",
        "NodeTraffic",
        "NotAClientError",
        "NotWrappedError",
        "Operation",
        "OperationTraffic",
        "Outcome",
        "OutcomeKind",
        "Placed",
        "Plan",
        "Policies",
        "PolicyFileError",
        "Problem",
        "Proceed",
        "ProceedAsync",
        "Profile",
        "Refusal",
        "RefusedCredentialsError",
        "RefusedError",
        "Reload",
        "Resilience",
        "ResilienceError",
        "RetryRules",
        "RetrySection",
        "Rollout",
        "Rows",
        "SeparateOptions",
        "Setting",
        "Shape",
        "SharedMemorySection",
        "SystemSettings",
        "TelemetryProviders",
        "TelemetrySection",
        "TlsBuilder",
        "TlsError",
        "Traffic",
        "TrafficFileError",
        "TransactionSettings",
        "UnknownNodeError",
        "UnknownProfileError",
        "UnreachableClusterError",
        "UnsupportedSettingError",
        "WrongClusterError",
        "carry",
        "connect",
        "connect_per_process",
        "deadline",
        "explain_connection",
        "instrument",
        "remaining",
        "resilience",
        "resilient",
        "uninstrument",
    ]


def test_what_client_resilience_offers():
    assert sorted(name for name in dir(Resilience) if not name.startswith("_")) == [
        "asgi",
        "close",
        "explain",
        "explain_connection",
        "isolate",
        "last_call",
        "name",
        "nodes",
        "profile",
        "release",
        "reload",
        "serve",
        "snapshot",
        "traffic",
        "using",
        "wsgi",
    ]


def test_every_public_name_is_found_at_run_time_and_by_type_checkers():
    tree = ast.parse(inspect.getsource(aerospike_resilience))
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
        for alias in node.names
    }

    assert imported == set(aerospike_resilience.__all__)
    assert [name for name in imported if not hasattr(aerospike_resilience, name)] == []
    assert set(aerospike_resilience.__all__) <= set(dir(aerospike_resilience))
    with pytest.raises(AttributeError, match="has no attribute 'resilent'"):
        _ = aerospike_resilience.resilent


@pytest.mark.parametrize("name", aerospike_resilience.__all__)
def test_every_type_that_a_public_name_takes_or_returns_is_public(name):
    public = {
        id(getattr(aerospike_resilience, other)): other for other in aerospike_resilience.__all__
    }
    hidden = {
        f"{where}: {found.__module__}.{found.__qualname__}"
        for where, annotation in annotations(name, getattr(aerospike_resilience, name))
        for found in types_in(annotation)
        if found.__module__.partition(".")[0] == "aerospike_resilience" and id(found) not in public
    }

    assert hidden == set()


RECEIVED = ("Profile", "Resilience")
"""What an application only ever receives: it calls no constructor of theirs."""


def annotations(name: str, thing: Any) -> Iterator[tuple[str, Any]]:
    """Every annotation of a public thing: of a function, of a class's methods and attributes; an alias."""
    if not isinstance(thing, type):
        if inspect.isfunction(thing):
            yield from hints(name, thing)
        else:
            yield name, thing
        return
    for cls in thing.__mro__:
        if not cls.__module__.startswith("aerospike_resilience"):
            continue
        yield from ((where, found) for where, found in hints(name, cls) if "._" not in where)
        for member, value in vars(cls).items():
            if member.startswith("_") and member not in ("__init__", "__enter__", "__call__"):
                continue
            if member == "__init__" and name in RECEIVED:
                continue
            value = getattr(value, "fget", getattr(value, "__func__", value))
            if inspect.isfunction(value):
                yield from hints(f"{name}.{member}", value)


def hints(where: str, thing: Any) -> Iterator[tuple[str, Any]]:
    module = importlib.import_module(thing.__module__)
    own = (
        vars(module) | only_for_type_checkers(module) | {"RetryCallState": tenacity.RetryCallState}
    )
    for name, found in typing.get_type_hints(thing, own, own).items():
        yield f"{where}.{name}", found


@functools.cache
def only_for_type_checkers(module: ModuleType) -> dict[str, Any]:
    """What a module imports under ``if TYPE_CHECKING``."""
    found: dict[str, Any] = {"__name__": module.__name__, "__package__": module.__package__}
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            exec(compile(ast.Module(node.body, []), module.__file__ or "", "exec"), found)
    return found


def types_in(annotation: Any) -> Iterator[type]:
    """Every class that an annotation names, however deep."""
    if isinstance(annotation, list):  # the parameters of a Callable
        for one in annotation:
            yield from types_in(one)
    elif arguments := typing.get_args(annotation):
        for one in (typing.get_origin(annotation), *arguments):
            yield from types_in(one)
    elif isinstance(annotation, type):
        yield annotation


def test_the_walk_finds_a_type_that_is_not_public():
    from aerospike_resilience.runtime.engine import Engine

    def leak(_engine: dict[str, list[Engine] | None]) -> None: ...

    leak.__annotations__ = {"_engine": dict[str, list[Engine] | None]}

    assert Engine in [found for _, one in annotations("leak", leak) for found in types_in(one)]


def test_importing_the_package_imports_no_client_and_no_sdk():
    code = "import sys, aerospike_resilience; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()

    heavy = {"aerospike", "aerospike_py", "aerospike_native", "aerospike_sdk", "pydantic"}
    assert heavy.isdisjoint(modules)
    assert not any(name.startswith("opentelemetry.sdk") for name in modules)
