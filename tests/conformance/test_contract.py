"""The contract of docs and design, for every client: written once, run for all of them."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from aerospike_resilience import (
    BackpressureError,
    CircuitOpenError,
    DeadlineExceededError,
    PolicyFileError,
    deadline,
)
from tests.interceptors.test_telemetry import Collected
from tests.waiting import until

SECRET = "a-key-nobody-may-see"


def learned(surface):
    """Wait until the wrapped client knows the partition map."""
    until(lambda: any(node["partitions"] for node in surface.resilience.nodes.values()))


# ----- 1. transparent


def test_results_are_those_of_the_bare_client(surface):
    surface.put(1, {"n": 7, "name": "seven"})

    assert surface.get(1) == surface.raw_get(1) == {"n": 7, "name": "seven"}
    assert surface.batch_put([10, 11, 12]) == [0, 0, 0]
    assert [bins is not None for bins in surface.batch_get([10, "none", 12])] == [True, False, True]
    surface.increment(1)
    surface.operate_increment(1)
    assert surface.get(1)["n"] == 9
    assert [surface.remove(1), surface.remove(1)] == [True, False]


def test_a_wrapped_client_is_still_of_its_class(surface):
    assert isinstance(surface.client, type(surface.bare))
    assert surface.resilience.profile.name == "latency"


def test_a_missing_record_is_the_clients_own_error(surface):
    with pytest.raises(surface.missing):
        surface.get("no such record")


def test_a_scan_returns_every_record_and_its_permit(surface):
    for n in range(20):
        surface.put(n, {"n": n})

    assert surface.scan("conformance") >= 20
    until(lambda: surface.resilience.snapshot()["gate"]["in_flight"] == 0)


# ----- 2. tries are conserved


def test_a_read_makes_no_more_requests_than_max_retries_allows(healthy, surface):
    surface.put(1, {"n": 1})
    before = healthy.requests("get")

    with healthy.inject(op="get", code=18), pytest.raises(surface.error):
        surface.get(1)

    assert 2 <= healthy.requests("get") - before <= 4  # latency: max_retries 3


def test_a_read_whose_master_is_silent_succeeds_at_the_replica(healthy, surface):
    surface.put(1, {"n": 1})
    master = healthy.master("test", "conformance", 1)

    with healthy.inject(node=master, op="get", answer="drop"):
        assert surface.get(1) == {"n": 1}


# ----- 3. deadline


def test_no_operation_outlives_an_ambient_deadline(healthy, opened):
    surface = opened(profile="default")
    surface.put(1, {"n": 1})

    with healthy.inject(op="get", answer="drop"), deadline(0.2):
        began = time.monotonic()
        with pytest.raises(surface.error):
            surface.get(1)
        took_s = time.monotonic() - began

    assert took_s < 0.6  # the profile alone would have given it a second


def test_what_cannot_finish_is_refused_at_once(healthy, surface):
    before = healthy.requests("get")

    with deadline(0.0), pytest.raises(DeadlineExceededError) as caught:
        surface.get(1)

    assert isinstance(caught.value, TimeoutError)
    assert isinstance(caught.value, surface.error)
    assert healthy.requests("get") == before


# ----- 4. in doubt


def test_a_write_in_doubt_is_sent_again_only_if_that_is_harmless(healthy, surface):
    surface.put(1, {"n": 1})

    with healthy.inject(op="write", answer="drop", count=1):
        surface.put(1, {"n": 5})
    with healthy.inject(op="write", answer="drop", count=1), pytest.raises(surface.error):
        surface.increment(1)

    assert surface.raw_get(1)["n"] == 6  # set to 5 once or twice, incremented once


# ----- 5. permits


def test_every_permit_comes_home(healthy, surface):
    surface.put(1, {"n": 1})
    with healthy.inject(op="get", code=18):
        for _ in range(5):
            with pytest.raises(surface.error):
                surface.get(1)

    assert surface.resilience.snapshot()["gate"]["in_flight"] == 0


def test_a_full_gate_refuses_with_an_error_of_the_clients_own(healthy, opened):
    surface = opened(
        overrides={
            "backpressure": {"max_concurrent_operations": 1, "operation_queue_timeout": "20ms"},
            "policy": {"reads": {"socket_timeout": "2s", "total_timeout": "2s", "max_retries": 0}},
            "adaptive_timeout": None,
        }
    )
    surface.put(1, {"n": 1})

    with (
        healthy.inject(op="get", latency="400ms", count=1),
        ThreadPoolExecutor(1) as pool,
    ):
        slow = pool.submit(surface.get, 1)
        until(lambda: surface.resilience.snapshot()["gate"]["in_flight"] == 1)
        with pytest.raises(BackpressureError) as caught:
            surface.get(1)
        assert slow.result() == {"n": 1}

    assert isinstance(caught.value, surface.error)


def test_a_cancelled_call_gives_its_permits_back_when_it_really_ends(healthy, opened):
    surface = opened(
        overrides={
            "backpressure": {"max_per_node": 8},
            "policy": {"reads": {"socket_timeout": "2s", "total_timeout": "2s", "max_retries": 0}},
            "adaptive_timeout": None,
        }
    )
    if not surface.awaited:
        pytest.skip("a call that blocks cannot be cancelled")
    learned(surface)
    surface.put(1, {"n": 1})

    def in_flight() -> tuple[int, int]:
        """Permits that are out: of the gate for all operations, and of nodes."""
        gate = surface.resilience.snapshot()["gate"]
        return gate["in_flight"], sum(node["in_flight"] for node in gate["nodes"].values())

    async def cancelled() -> tuple[int, int]:
        task = asyncio.ensure_future(surface.awaitable_get(1))
        while in_flight() != (1, 1):
            await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return in_flight()

    with healthy.inject(op="get", latency="500ms", count=1):
        held = surface.run(cancelled())
        assert held == ((1, 1) if surface.outlives_cancellation else (0, 0))
        until(lambda: in_flight() == (0, 0))


# ----- 6 and 7. blame, and open nodes


def test_a_stalled_node_opens_alone_and_costs_the_others_nothing(cluster, harmed):
    for n in range(60):
        harmed.put(n, {"n": n})
    learned(harmed)
    cluster.stall("A1")
    refused = []

    def opened() -> bool:
        for n in range(60):
            try:
                harmed.put(n, {"n": n})
            except CircuitOpenError as error:
                refused.append(error)
            except harmed.error:
                pass
        return harmed.resilience.nodes["A1"]["state"] == "open"

    until(opened)
    reads = [harmed.get(n)["n"] for n in range(60)]
    until(lambda: opened() and bool(refused))

    assert reads == list(range(60))
    assert isinstance(refused[0], harmed.error)
    assert refused[0].node == "A1"
    others = {name: node["state"] for name, node in harmed.resilience.nodes.items()}
    assert {others["A2"], others["A3"]} == {"closed"}
    cluster.resume("A1")
    until(lambda: harmed.resilience.nodes["A1"]["state"] == "closed")


# ----- 8. one operation, one span, one sample


def test_one_operation_is_one_span_and_one_sample(healthy, opened):
    found = Collected()
    surface = opened(tracer_provider=found.tracers, meter_provider=found.meters)
    surface.put(1, {"n": 1})
    found.exporter.clear()

    with healthy.inject(op="get", code=18, count=1):
        surface.get(1)

    (span,) = found.spans
    assert span.attributes["db.system.name"] == "aerospike"
    assert span.attributes["db.operation.name"] == "get"
    assert span.attributes["db.collection.name"] == "conformance"
    samples = [
        point.count
        for point in found.points("db.client.operation.duration")
        if point.attributes["db.operation.name"] == "get"
    ]
    assert samples == [1]


# ----- 9. bad policy files


def test_a_bad_policy_file_changes_nothing(tmp_path, opened):
    file = tmp_path / "mine.yaml"
    file.write_text("version: 1\nextends: latency\npolicy: {reads: {total_timeout: 111ms}}\n")
    surface = opened(profile="mine", policies=tmp_path)

    file.write_text("version: 1\nextends: latency\npolicy: {reads: {total_timout: 222ms}}\n")
    error = surface.resilience.reload().error

    assert isinstance(error, PolicyFileError)
    assert "total_timeout" in str(error)
    assert surface.resilience.explain("get").value("total_timeout") == 111
    surface.put(1, {"n": 1})
    assert surface.get(1) == {"n": 1}

    file.write_text("version: 1\nextends: latency\npolicy: {reads: {total_timeout: 333ms}}\n")
    surface.resilience.reload()
    assert surface.resilience.explain("get").value("total_timeout") == 333
    assert surface.get(1) == {"n": 1}


# ----- 10. errors keep their class


def test_an_error_tells_what_was_tried(healthy, surface):
    surface.put(1, {"n": 1})

    with healthy.inject(op="get", code=18), pytest.raises(surface.error) as caught:
        surface.get(1)

    told = caught.value if hasattr(caught.value, "attempts") else caught.value.__cause__
    assert len(told.attempts) >= 2
    assert any("under profile 'latency'" in note for note in told.__notes__)


# ----- 11. no secrets


def test_no_key_is_told(healthy, opened):
    found = Collected()
    surface = opened(tracer_provider=found.tracers, meter_provider=found.meters)
    surface.put(SECRET, {"n": 1})

    with healthy.inject(op="get", code=18), pytest.raises(surface.error) as caught:
        surface.get(SECRET)

    notes = [
        *getattr(caught.value, "__notes__", []),
        *getattr(caught.value.__cause__, "__notes__", []),
    ]
    told = " ".join([*(span.to_json() for span in found.spans), *notes])
    assert SECRET not in told
    assert SECRET not in str(surface.resilience.snapshot())


# ----- 12. concurrency


def test_many_at_once(surface):
    for n in range(50):
        surface.put(n, {"n": n})

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda n: surface.get(n % 50)["n"], range(400)))

    assert found == [n % 50 for n in range(400)]
    assert surface.resilience.snapshot()["gate"]["in_flight"] == 0


def test_using_another_profile_holds_for_a_block(surface):
    surface.put(1, {"n": 1})

    with surface.resilience.using("batch"):
        assert surface.get(1) == {"n": 1}


# ----- creating, for the first time and again


def test_creating_what_exists_is_the_clients_own_error(surface):
    surface.put(77, {"n": 1})

    with pytest.raises(surface.exists_already):
        surface.create(77, {"n": 2})


def can_be_looked_up(surface) -> bool:
    return not surface.name.startswith("aerospike-sdk")  # whose builders send operations, not a put


@pytest.mark.parametrize("applied", [True, False])
def test_a_conditional_write_in_doubt_is_settled_by_a_look(healthy, opened, applied):
    surface = opened(overrides={"retry": {"in_doubt": "verify"}})
    if not can_be_looked_up(surface):
        pytest.skip("an insert of the SDK is an operate, which cannot be looked up")
    surface.remove("new")

    with healthy.inject(op="write", answer="drop", applied=applied, count=1):
        surface.create("new", {"n": 1})

    assert surface.raw_get("new") == {"n": 1}


def test_without_a_look_a_conditional_write_stays_in_doubt(healthy, surface):
    surface.remove("new")

    with healthy.inject(op="write", answer="drop", count=1), pytest.raises(surface.error) as caught:
        surface.create("new", {"n": 1})

    assert caught.value.in_doubt


def test_somebody_elses_record_is_no_success(healthy, opened):
    surface = opened(overrides={"retry": {"in_doubt": "verify"}})
    surface.put("taken", {"n": 2})

    with (
        healthy.inject(op="write", answer="drop", count=1),
        pytest.raises(surface.error),
    ):
        surface.create("taken", {"n": 1})

    assert surface.raw_get("taken")["n"] == 2


# ----- the story of a call


def test_the_last_call_is_told_on_demand(healthy, opened):
    surface = opened(overrides={"telemetry": {"last_call": True}})
    surface.put(1, {"n": 1})

    def last():
        """Ask where the call was made: in the thread, or in the task."""
        if not surface.awaited:
            surface.get(1)
            return surface.resilience.last_call()

        async def asked():
            await surface.awaitable_get(1)
            return surface.resilience.last_call()

        return surface.run(asked())

    plain = last()
    with healthy.inject(op="get", code=18, count=1 if surface.name != "aerospike-py" else 2):
        retried = last()

    assert (plain.operation, plain.profile, plain.error) == ("get", "latency", "")
    assert plain.attempts == ()
    assert 0 < plain.duration_s < 5
    assert retried.error == ""


def test_nobody_asked_for_last_calls(surface):
    with pytest.raises(RuntimeError, match="last_call: true"):
        surface.resilience.last_call()


# ----- batches and open nodes


def test_a_batch_sends_the_rows_of_other_nodes_and_refuses_those_of_an_open_one(healthy, surface):
    ns = list(range(40))
    surface.batch_put(ns)
    learned(surface)
    surface.resilience.isolate("A1")
    held = {n for n in ns if "A1" in {o.name for o in healthy.owners("test", "conformance", n)}}
    before = healthy.requests("write", "A1")  # a pulse may ask it to read

    try:
        codes = surface.batch_put(ns)
    except CircuitOpenError as error:
        codes = [int(row.result_code) for row in error.records]

    assert {n for n, code in zip(ns, codes, strict=True) if code != 0} == held
    assert healthy.requests("write", "A1") == before


def test_a_batch_fails_whole_where_the_profile_says_so(healthy, opened):
    surface = opened(overrides={"breaker": {"batch_on_open": "fail"}})
    surface.batch_put([1])
    learned(surface)
    surface.resilience.isolate("A1")
    before = healthy.requests("write")

    if surface.name.startswith("aerospike-sdk"):  # which tells of every error in the rows
        assert 0 not in surface.batch_put(list(range(40)))
    else:
        with pytest.raises(CircuitOpenError, match="rows of batch_write were not sent"):
            surface.batch_put(list(range(40)))
    assert healthy.requests("write") == before


def test_a_changed_file_takes_effect_while_calls_go_on(tmp_path, opened):
    file = tmp_path / "mine.yaml"
    text = "version: 1\nextends: latency\npolicy: {{reads: {{total_timeout: {}ms}}}}\n"
    file.write_text(text.format(111))
    surface = opened(profile="mine", policies=tmp_path)
    surface.put(1, {"n": 1})

    file.write_text(text.format(222))

    def in_force() -> bool:
        assert surface.get(1) == {"n": 1}
        return surface.resilience.explain("get").value("total_timeout") == 222

    until(in_force, deadline_s=3.0)
