"""What a process imports, and when: for the package, and for a wrapped client."""

from __future__ import annotations

import pytest

from aerospike_resilience.clients import PACKAGES
from tests.installed import imports_in, installed

NEEDED_BY_NO_CLIENT = frozenset(
    "click matplotlib opentelemetry.sdk pybreaker redis rich statistics tenacity wrapt "
    "aerospike_resilience.cli aerospike_resilience.demo aerospike_resilience.rehearsal "
    "aerospike_resilience.simulation aerospike_resilience.testing simpy".split()
)
NEEDED_ONCE_WRAPPED = frozenset(
    "asyncio concurrent.futures importlib.metadata multiprocessing opentelemetry pydantic pydantic_core "
    "socket ssl subprocess yaml".split()
)
ADAPTERS = frozenset(f"aerospike_resilience.clients.{package}.adapter" for package in PACKAGES)


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    return installed(tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="module")
def imported(python):
    return imports_in(python)


# ----- the package


@pytest.mark.parametrize(
    "statement",
    [
        "import aerospike_resilience",
        "from aerospike_resilience import resilient, CircuitOpenError, Interceptor, instrument",
        "import aerospike_resilience.instrument",
    ],
)
def test_importing_the_package_imports_nothing_that_only_a_wrapped_client_needs(
    imported, statement
):
    modules = imported(statement)

    assert modules & (NEEDED_BY_NO_CLIENT | NEEDED_ONCE_WRAPPED | ADAPTERS | {*PACKAGES}) == set()


# ----- a wrapped client

CLIENTS = {
    "aerospike": """
import aerospike
client = aerospike.client({"hosts": [(host, port)]})
resilient(client).get_nodes(); client.close()
""",
    "aerospike_py": """
import aerospike_py
client = aerospike_py.client({"hosts": [(host, port)]}).connect()
resilient(client).exists(("test", "demo", 1)); client.close()
""",
    "aerospike_native": """
import aerospike_native
client = aerospike_native.new_client_blocking(aerospike_native.ClientPolicy(), f"{host}:{port}")
resilient(client).is_connected(); client.close_blocking()
""",
    "aerospike_sdk": """
from aerospike_sdk.sync import ClusterDefinition
cluster = resilient(ClusterDefinition(host, port).connect())
cluster.create_session(); cluster.close()
""",
}


@pytest.mark.parametrize("package", CLIENTS)
def test_wrapping_a_client_imports_nothing_that_it_does_not_need(healthy, imported, package):
    host, port = healthy.hosts[0]
    using = f"from aerospike_resilience import resilient\nhost, port = {host!r}, {port}\n"

    modules = imported(using + CLIENTS[package])
    by_itself = imported(f"import {package}")

    needed = {package, f"aerospike_resilience.clients.{package}.adapter"}
    if package == "aerospike_sdk":  # below it is a native client, and that is what is wrapped
        needed.add("aerospike_resilience.clients.aerospike_native.adapter")
    others = {*PACKAGES, *ADAPTERS} - needed
    assert (modules - by_itself) & (NEEDED_BY_NO_CLIENT | others) == set()


def test_what_an_application_says_in_tenacitys_or_pybreakers_words_imports_them(healthy, imported):
    host, port = healthy.hosts[0]

    def wrapped_with(argument: str) -> frozenset[str]:
        return imported(
            "import aerospike\nfrom aerospike_resilience import resilient\n"
            f"client = resilient(aerospike.client({{'hosts': [({host!r}, {port})]}}), {argument})\n"
            "client.resilience.close(); client.close()"
        )

    listener = "type('Listener', (), {'state_change': lambda *_: None})()"
    assert "tenacity" in wrapped_with("wait=lambda _state: 0.0")
    assert "pybreaker" in wrapped_with(f"listeners=[{listener}]")
