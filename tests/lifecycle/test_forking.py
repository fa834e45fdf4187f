"""Fork: a child starts anew, says once that a client cannot be shared, and never hangs in a batch."""

from __future__ import annotations

import logging
import os
import signal
import threading
from pathlib import Path

import aerospike
import pytest

import aerospike_resilience
from aerospike_resilience import ForkedClientError, resilient
from aerospike_resilience.concurrency import threads
from aerospike_resilience.telemetry import registry
from tests.patience import NEVER_LATE

# Forking a process with threads is what is tested.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

ROOT = Path(aerospike_resilience.__file__).parent
KEYS = [("test", "forking", n) for n in range(20)]
PARALLEL = {
    "policy": {
        **NEVER_LATE["policy"],
        "reads_batch": {"concurrent": True},
        "writes_batch": {"concurrent": True},
    }
}


def in_child(work) -> str:
    """Run `work` in a forked child and return what it returned; ``hangs`` if an alarm had to end it."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            signal.alarm(60)
            try:
                text = str(work())
            except BaseException as error:  # told to the parent
                text = f"{type(error).__name__}: {error}"
            os.write(write, text.encode()[:4000])
        finally:
            os._exit(0)
    os.close(write)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with os.fdopen(read) as pipe:
        told = pipe.read()
    return "hangs" if code == -signal.SIGALRM else told


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def lines():
    handler = Lines()
    logging.getLogger("aerospike_resilience").addHandler(handler)
    yield handler.lines
    logging.getLogger("aerospike_resilience").removeHandler(handler)


@pytest.fixture
def wrap(healthy, connect):
    clients = []

    def wrap_(**overrides):
        clients.append(
            resilient(connect(healthy), "latency", overrides={**NEVER_LATE, **overrides})
        )
        for key in KEYS:
            clients[-1].put(key, {"n": 1})
        return clients[-1]

    yield wrap_
    for client in clients:
        client.resilience.close()


BATCHES = {
    "batch_read": lambda client, **policy: client.batch_read(KEYS, **policy),
    "batch_write": lambda client, **policy: client.batch_write(_batch(), **policy),
    "batch_operate": lambda client, **policy: client.batch_operate(
        KEYS, [aerospike_helpers().read("n")], **policy
    ),
    "batch_remove": lambda client, **policy: client.batch_remove(
        [("test", "forking", n) for n in range(900, 920)], **policy
    ),
}


def aerospike_helpers():
    from aerospike_helpers.operations import operations

    return operations


def _batch():
    from aerospike_helpers.batch import records

    write = aerospike_helpers().write("n", 1)
    return records.BatchRecords([records.Write(key, [write]) for key in KEYS])


@pytest.mark.parametrize("name", BATCHES)
def test_a_batch_returns_in_a_child_though_the_profile_has_it_run_on_threads(wrap, name):
    client = wrap(**PARALLEL)
    assert in_child(lambda: BATCHES[name](client) is not None) == "True"


@pytest.mark.parametrize("name", ["batch_read", "batch_write"])
def test_a_batch_returns_in_a_child_though_its_caller_has_it_run_on_threads(wrap, name):
    client = wrap()
    policy = {"policy_batch": {"concurrent": True}} if name == "batch_write" else {}
    policy = policy or {"policy": {"concurrent": True}}
    assert in_child(lambda: BATCHES[name](client, **policy) is not None) == "True"


def test_a_batch_returns_in_a_child_though_the_client_was_configured_to_use_threads(healthy):
    bare = aerospike.client({"hosts": healthy.hosts, "policies": {"batch": {"concurrent": True}}})
    client = resilient(bare, "observe", overrides=NEVER_LATE)
    for key in KEYS:
        client.put(key, {"n": 1})
    assert in_child(lambda: client.batch_read(KEYS) is not None) == "True"
    client.close()


def test_in_the_parent_a_batch_goes_on_running_on_threads(wrap):
    client = wrap(**PARALLEL)
    in_child(lambda: client.batch_read(KEYS))
    assert client.resilience.explain("batch_read").sent["concurrent"] is True


def test_a_child_is_warned_once_at_its_first_use(wrap, lines):
    client = wrap()
    lines.clear()

    def child() -> list[str]:
        unused = [line for line in lines if "fork" in line]
        client.get(KEYS[0])
        with client.resilience.using("best-effort"):
            client.get(KEYS[1])
        client.query("test", "nothing here")
        return [*unused, *[line for line in lines if "fork" in line]]

    told = in_child(child)
    assert told.count("was connected before the process forked") == 1, told
    assert "same sockets" in told
    assert lines == []


@pytest.mark.parametrize(
    "first",
    [
        lambda client: client.get(KEYS[0]),
        lambda client: client.get(KEYS[0], policy={"total_timeout": 50_000}),
        lambda client: client.batch_read(KEYS),
        lambda client: client.query("test", "forking").results(),
        lambda client: client.info_all("build"),
    ],
    ids=["plain", "with a policy", "batch", "query", "info"],
)
def test_a_child_is_refused_where_the_profile_says_so(wrap, first):
    client = wrap(forked_client="error")
    told = in_child(lambda: first(client))
    assert told.startswith("ForkedClientError: this aerospike client was connected before"), told
    assert first(client) is not None  # the parent goes on


def test_a_child_that_is_refused_is_refused_again(wrap):
    client = wrap(forked_client="error")

    def child() -> list[str]:
        found = []
        for key in KEYS[:2]:
            try:
                client.get(key)
            except ForkedClientError as error:
                found.append(type(error).__name__)
        return found

    assert in_child(child) == "['ForkedClientError', 'ForkedClientError']"


def test_a_child_that_may_share_hears_nothing(wrap, lines):
    client = wrap(forked_client="allow")
    lines.clear()
    assert (
        in_child(lambda: (client.get(KEYS[0]), [line for line in lines if "fork" in line])[1])
        == "[]"
    )


def test_a_child_that_connects_for_itself_hears_nothing(healthy, wrap, lines):
    wrap()
    lines.clear()

    def child() -> list[str]:
        own = resilient(aerospike.client({"hosts": healthy.hosts}), "latency", overrides=NEVER_LATE)
        own.get(KEYS[0])
        return [line for line in lines if "fork" in line]

    assert in_child(child) == "[]"


def test_awaited_clients_tell_a_child_too(opened):
    surface = opened(overrides={**NEVER_LATE, "forked_client": "error"})
    surface.put(1, {"n": 1})
    engine = surface.resilience._engine

    def child() -> str:
        try:
            engine.runtime.planner.prepare(
                next(iter(engine.shared.adapter.operations.values())), (), {}
            )
        except ForkedClientError as error:
            return str(error)
        return "nothing said"

    assert "cannot be shared with the parent" in in_child(child)


def test_a_thread_of_a_child_may_have_the_identity_of_one_that_was_starting_another(monkeypatch):
    """Linux gives the stacks of the parent's threads, and so their identities, to those of the child."""
    at_it, go_on, start = threading.Semaphore(0), threading.Event(), threading.Thread.start

    def slow_start(thread) -> None:
        if thread.name == "slow":
            at_it.release()
            go_on.wait()
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", slow_start)
    starting = [
        threading.Thread(target=lambda: threads.start(lambda: None, name="slow")) for _ in range(8)
    ]
    for thread in starting:
        thread.start()
    for _ in starting:
        at_it.acquire()

    def all_can_start_threads() -> bool:
        together, started = threading.Barrier(16), []

        def work() -> None:
            together.wait()
            started.append(threads.start(lambda: None, name="quick"))

        workers = [threading.Thread(target=work) for _ in range(16)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return None not in started

    try:
        assert in_child(all_can_start_threads) == "True"
    finally:
        go_on.set()
        for thread in starting:
            thread.join()


def test_the_counters_of_a_child_start_at_zero(wrap, healthy):
    client = wrap(backpressure={"max_concurrent_operations": 1, "operation_queue_timeout": "1ms"})
    engine = client.resilience._engine
    client.resilience.isolate("A1")
    client.resilience.release("A1")
    gate = engine.shared.gates.main
    gate.permits.pop()
    with pytest.raises(aerospike_resilience.BackpressureError):
        client.get(KEYS[0])
    gate.permits.append(None)
    with healthy.inject(op="read", code="DEVICE_OVERLOAD", count=1):
        client.get(KEYS[0])
    counters = [name for name, metric in registry.METRICS.items() if metric.instrument == "counter"]

    def counted() -> float:
        read = engine.read()
        return sum(value for name in counters for value, _ in read.get(name, ()))

    assert counted() >= 3
    assert float(in_child(counted)) == 0
