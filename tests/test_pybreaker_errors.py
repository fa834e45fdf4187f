"""A refusal for an open node is pybreaker's error too, for whoever catches that, and costs nobody else."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAD = """
import os, sys
os.environ["AEROSPIKE_NO_UVLOOP"] = "1"
host, port = "127.0.0.1", int(sys.argv[1])

def refusal():
    client.resilience.isolate(next(iter(client.resilience.nodes)))
    for n in range(100):
        client.put(("test", "demo", n), {"n": n})
"""
WRAP = {
    "aerospike": """
import aerospike
from aerospike_resilience import resilient
client = resilient(aerospike.client({"hosts": [(host, port)]}), "batch")
""",
    "aerospike_py": """
import aerospike_py
from aerospike_resilience import resilient
client = resilient(aerospike_py.client({"hosts": [(host, port)]}).connect(), "batch")
""",
}


def run(healthy, *parts: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", "\n".join((HEAD, *parts)), str(healthy.hosts[0][1])],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


CAUGHT = """
try:
    refusal()
except pybreaker.CircuitBreakerError as error:
    from aerospike_resilience import CircuitOpenError
    print(isinstance(error, CircuitOpenError), issubclass(type(error), pybreaker.CircuitBreakerError))
client.resilience.close(); client.close()
"""


@pytest.mark.parametrize("package", WRAP)
@pytest.mark.parametrize("when", ["before", "after", "between"])
def test_it_is_caught_as_pybreakers_whenever_the_application_imported_that(healthy, package, when):
    wrap = WRAP[package]
    parts = {
        "before": ("import pybreaker", wrap),
        "after": (wrap, "import pybreaker"),
        "between": ("import aerospike_resilience, pybreaker", wrap),
    }

    assert run(healthy, *parts[when], CAUGHT) == "True True"


def test_once_it_is_imported_errors_of_before_are_pybreakers_too(healthy):
    late = """
try:
    refusal()
except Exception as error:
    first = error
import pybreaker
try:
    refusal()
except pybreaker.CircuitBreakerError:
    print(isinstance(first, pybreaker.CircuitBreakerError))
client.resilience.close(); client.close()
"""
    assert run(healthy, WRAP["aerospike"], late) == "True"


def test_a_copy_and_what_comes_out_of_a_pickle_are_pybreakers(healthy):
    sent = """
import pickle
try:
    refusal()
except Exception as error:
    sent = pickle.dumps(error)
import pybreaker
print(isinstance(pickle.loads(sent), pybreaker.CircuitBreakerError))
client.resilience.close(); client.close()
"""
    assert run(healthy, WRAP["aerospike"], sent) == "True"


NOT_IMPORTED = """
try:
    refusal()
except Exception as error:
    print(type(error).__name__, "pybreaker" in sys.modules and sys.modules["pybreaker"] is not None)
client.resilience.close(); client.close()
"""


def test_a_refusal_does_not_import_pybreaker(healthy):
    assert run(healthy, WRAP["aerospike"], NOT_IMPORTED) == "AerospikeCircuitOpenError False"


def test_a_process_that_has_no_pybreaker_and_no_tenacity_is_protected(healthy):
    without = "sys.modules.update(dict.fromkeys(['pybreaker', 'redis', 'tenacity']))"

    assert (
        run(healthy, without, WRAP["aerospike"], NOT_IMPORTED) == "AerospikeCircuitOpenError False"
    )


@pytest.mark.parametrize(
    ("argument", "extra"),
    [
        ("wait=lambda _state: 0.0", "tenacity"),
        ("listeners=[Listener()]", "pybreaker"),
        ("overrides={'breaker': {'storage': 'redis://127.0.0.1:1/0'}}", "redis"),
    ],
)
def test_what_needs_a_package_that_is_missing_says_what_to_install(healthy, argument, extra):
    asked = f"""
import aerospike
sys.modules.update(dict.fromkeys(["pybreaker", "tenacity"]))
import aerospike_resilience
bare = aerospike.client({{"hosts": [(host, port)]}})
class Listener:
    def __getattr__(self, name):
        return lambda *_: None
try:
    aerospike_resilience.resilient(bare, {argument})
except aerospike_resilience.ResilienceError as error:
    print(error)
bare.close()
"""
    assert run(healthy, asked).endswith(f"pip install 'aerospike-resilience[{extra}]'")
