"""What cannot be provoked otherwise: a clock that tests move, and a call without a client."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from aerospike_resilience.interceptors.base import Link
from aerospike_resilience.model.call import Call
from aerospike_resilience.model.failure import Failure, FailureKind, Fault
from aerospike_resilience.model.operation import Kind, NodeAddress, Operation, Shape
from aerospike_resilience.model.plan import Plan
from aerospike_resilience.nodes.partitions import PartitionMap
from aerospike_resilience.runtime.chain import end_operation


class FakeClock:
    """Seconds that pass when the test says so."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def pass_s(self, seconds: float) -> None:
        self.now += seconds


AT_FIRST_ERROR = {"failure_rate": 0.01, "minimum_calls": 1}
"""Node options under which one error opens a node."""

GET = Operation(
    "get", Kind.READ, Shape.POINT, "read", ("key", "policy"), policy="policy", key="key"
)
PUT = Operation(
    "put",
    Kind.WRITE,
    Shape.POINT,
    "write",
    ("key", "bins", "meta", "policy"),
    policy="policy",
    key="key",
)

TIMEOUT = Failure(FailureKind.TIMEOUT, retryable=True, fault=Fault.NODE, code=9)
OVERLOAD = Failure(FailureKind.OVERLOAD, retryable=True, fault=Fault.NODE, code=18)
NOT_FOUND = Failure(FailureKind.RECORD, code=2)


def plan(operation: Operation = GET, classify: Failure = TIMEOUT, **more: Any) -> Plan:
    """A plan whose errors all mean `classify`."""
    settings: dict[str, Any] = {
        "total_timeout_s": 0.25,
        "socket_timeout_s": 0.04,
        "max_tries": 3,
        **more,
    }
    return Plan(
        operation,
        "test-profile",
        send=settings.pop("send", lambda _args, _kwargs, _policy: "result"),
        classify=lambda _error, _operation: classify,
        fields={},
        policy={},
        **settings,
    )


def call(a_plan: Plan | None = None, key: tuple[Any, ...] | None = ("test", "s", 1)) -> Call:
    """A call at the start of its chain."""
    return Call(a_plan or plan(), (key,), {}, key)


def failing_attempt(
    failure: Failure, clock: Callable[[], float] = lambda: 0.0, took_s: float = 0.0
) -> Callable[[Call], Any]:
    """The inner chain of a call whose every attempt fails the same way."""
    from aerospike_resilience.model.attempt import Attempt

    def proceed(a_call: Call) -> Any:
        a_call.began = clock()
        if isinstance(clock, FakeClock):
            clock.pass_s(took_s)
        a_call.now = clock()
        a_call.failure = failure
        a_call.tries_left -= 1
        error = TimeoutError("the node did not answer")
        a_call.raised = a_call.error = error
        a_call.attempts += (
            Attempt(len(a_call.attempts) + 1, took_s, failure=failure, error="TimeoutError"),
        )
        raise error

    return proceed


class OfBlockingCalls:
    """The half of an interceptor that a client whose methods block never calls."""

    async def around_async(self, call: Call, proceed: Callable[[Call], Any]) -> Any:
        raise AssertionError("the client's methods block")


def whole(link: Link, call: Call, proceed: Callable[[Call], Any]) -> Any:
    """Make a call through one link, and end the operation as the head of a chain does."""
    try:
        return link.around(call, proceed)
    except BaseException as error:
        end_operation(call, error)
        raise


class FakeSource:
    """A cluster of three nodes whose partition is the user key modulo 4096."""

    stays_where_refused = False

    def __init__(self, names: tuple[str, ...] = ("A1", "A2", "A3")) -> None:
        self.names = names
        self.silent: set[str] = set()
        self.refusing: set[str] = set()
        self.replicas: dict[str, str] = {}
        self.generation = "1"

    def nodes(self) -> list[NodeAddress]:
        return [NodeAddress(name, "127.0.0.1", 3000 + i) for i, name in enumerate(self.names)]

    def key(self, namespace: str, set_name: str, user_key: int) -> tuple[Any, ...]:
        return (namespace, set_name, user_key)

    def partition(self, key: tuple[Any, ...]) -> tuple[str, int]:
        return key[0], int(key[2]) % 4096

    def info(self, node: str, command: str, timeout_s: float) -> str:
        if node in self.silent:
            raise TimeoutError(node)
        if command == "replicas":
            return self.replicas[node]
        return self.generation

    def refuses(self, node: str, timeout_s: float) -> bool:
        return node in self.refusing

    def answers(self, nodes: Sequence[str], command: str, timeout_s: float) -> dict[str, str]:
        return {
            node: self.info(node, command, timeout_s) for node in nodes if node not in self.silent
        }

    def pause(self) -> None:
        return None

    def resume(self) -> None:
        return None

    def stop(self) -> None:
        return None

    def wait(self, patience_s: float) -> None:
        return None

    async def rest_async(self) -> None:
        return None

    def read(self, node: str, key: tuple[Any, ...], timeout_s: float) -> None:
        return None


def three_nodes() -> PartitionMap:
    """A map in which even keys belong to A1 with replica A2, odd ones to A2 with replica A3."""
    return PartitionMap(
        {"test": tuple(("A1", "A2") if p % 2 == 0 else ("A2", "A3") for p in range(4096))}
    )
