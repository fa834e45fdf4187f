"""The profiles of `using()` are watched as the client's own, and no call ever reads a file."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from aerospike_resilience import resilient
from aerospike_resilience.profiles import PolicyLibrary
from tests.profiles.test_reload import GOOD, replace
from tests.waiting import until

KEY = ("test", "reload", 1)


@pytest.fixture
def files(tmp_path):
    for name in ("mine", "block"):
        (tmp_path / f"{name}.yaml").write_text(GOOD.format(20000))
    return tmp_path


@pytest.fixture
def seen():
    """The total timeout of each call, in milliseconds."""
    return []


@pytest.fixture
def client(bare, files, seen):
    class Look:
        def around(self, call, proceed):
            seen.append(call.plan.fields["total_timeout"])
            return proceed(call)

        around_async = around

    bare.put(KEY, {"n": 1})
    wrapped = resilient(bare, "mine", policies=files, arrange=lambda chain: [*chain, Look()])
    yield wrapped
    wrapped.resilience.close()


def used(client, seen, **using) -> int:
    with client.resilience.using(**using):
        client.get(KEY)
    return seen[-1]


def test_a_change_reaches_the_blocks_that_use_the_profile(client, files, seen):
    assert used(client, seen, profile="block") == 20000

    replace(files / "block.yaml", GOOD.format(40000))

    until(lambda: used(client, seen, profile="block") == 40000)


def test_a_change_reaches_a_block_that_is_being_run(client, files, seen):
    def timeout() -> int:
        client.get(KEY)
        return seen[-1]

    with client.resilience.using("block"):
        replace(files / "block.yaml", GOOD.format(40000))
        until(lambda: timeout() == 40000)


def test_reload_by_hand_takes_them_along_and_tells(client, files, seen):
    used(client, seen, profile="block")
    replace(files / "block.yaml", GOOD.format(40000))

    result = client.resilience.reload()

    assert result.changed == ()
    assert result.using["block"].changed == (("policy.reads.total_timeout", "20000ms", "40000ms"),)
    assert used(client, seen, profile="block") == 40000


def test_a_bad_file_fails_no_call_of_a_block(client, files, seen):
    with client.resilience.using("block"):
        client.get(KEY)
        replace(files / "block.yaml", "nonsense: 1\n")
        replace(files / "mine.yaml", GOOD.format(60000))
        result = client.resilience.reload()
        client.get(KEY)

    assert seen == [20000, 20000]
    assert result.error is None
    assert "nonsense" in str(result.using["block"].error)
    assert "using('block')" in client.resilience.snapshot()["profile"]["reload_error"]
    assert client.resilience._engine.read()["aerospike.resilience.reload.failed"] == [(1, {})]
    replace(files / "block.yaml", GOOD.format(40000))
    until(lambda: client.resilience.snapshot()["profile"]["reload_error"] is None)
    assert used(client, seen, profile="block") == 40000


def test_a_block_over_the_clients_own_profile_follows_it(client, files, seen):
    over = {"policy": {"reads": {"socket_timeout": "7s"}}}
    assert used(client, seen, overrides=over) == 20000

    replace(files / "mine.yaml", GOOD.format(40000))
    client.resilience.reload()

    assert used(client, seen, overrides=over) == 40000


def test_no_call_reads_a_file(client, seen, monkeypatch):
    with client.resilience.using("block"):
        monkeypatch.setattr(PolicyLibrary, "load", None)
        with client.resilience.using(overrides={"policy": {"all": {"max_retries": 1}}}):
            client.get(KEY)

    assert seen == [20000]


def test_an_sdk_that_is_configured_late_sees_the_calls_of_a_block(client, seen, monkeypatch):
    used(client, seen, profile="block")
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)

    def traced() -> bool:
        used(client, seen, profile="block")
        return bool(spans.get_finished_spans())

    until(traced)
