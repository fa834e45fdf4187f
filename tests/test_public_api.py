"""A public name is added on purpose: here they all are."""

from __future__ import annotations

import subprocess
import sys

import aerospike_resilience
from aerospike_resilience import Resilience


def test_the_public_names():
    assert sorted(aerospike_resilience.__all__) == [
        "AlreadyWrappedError",
        "Attempt",
        "BackpressureError",
        "CHAIN_ORDER",
        "Call",
        "CircuitOpenError",
        "ClientClosedError",
        "DeadlineExceededError",
        "Failure",
        "FailureKind",
        "Interceptor",
        "IsolationError",
        "NotAClientError",
        "Operation",
        "Outcome",
        "PolicyFileError",
        "Refusal",
        "Resilience",
        "ResilienceError",
        "UnknownNodeError",
        "UnknownProfileError",
        "carry",
        "deadline",
        "instrument",
        "remaining",
        "resilient",
        "uninstrument",
    ]


def test_what_client_resilience_offers():
    assert sorted(name for name in dir(Resilience) if not name.startswith("_")) == [
        "close",
        "explain",
        "isolate",
        "last_call",
        "nodes",
        "profile",
        "release",
        "reload",
        "snapshot",
        "using",
    ]


def test_importing_the_package_imports_no_client_and_no_sdk():
    # pybreaker imports redis where it is installed, and redis imports an SDK: neither is our doing.
    code = (
        "import sys; sys.modules['redis'] = None; import aerospike_resilience; print(*sys.modules)"
    )
    modules = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()

    heavy = {"aerospike", "aerospike_py", "aerospike_native", "aerospike_sdk", "pydantic"}
    assert heavy.isdisjoint(modules)
    assert not any(name.startswith("opentelemetry.sdk") for name in modules)
