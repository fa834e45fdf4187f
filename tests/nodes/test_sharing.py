"""The workers of a service share what they know of a node through a real Redis."""

from __future__ import annotations

import logging
import shutil
import subprocess
import time

import pytest

from aerospike_resilience import resilient
from tests.waiting import until

pytestmark = pytest.mark.skipif(
    shutil.which("redis-server") is None,
    reason="redis-server is not installed (Debian: apt-get install redis-server)",
)


class Redis:
    """A redis-server of the test's own, on a port that the system chose."""

    def __init__(self, directory) -> None:
        self._directory = directory
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        import socket

        import redis

        if not self.port:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
        self._process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""],
            cwd=self._directory,
            stdout=subprocess.DEVNULL,
        )
        client = redis.Redis(port=self.port)

        def answers() -> bool:
            try:
                return client.ping()
            except redis.RedisError:
                return False

        until(answers)
        client.close()

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def url(self) -> str:
        return f"redis://:secret@127.0.0.1:{self.port}/0".replace(":secret@", "")


@pytest.fixture
def redis_server(tmp_path):
    server = Redis(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def worker(cluster, connect):
    workers = []

    def worker_(url: str):
        client = resilient(
            connect(cluster),
            "latency",
            overrides={"breaker": {"storage": url}, "connection": {"tend_interval": "250ms"}},
        )
        for n in range(30):
            client.put(("test", "sharing", n), {"n": n})
        workers.append(client)
        return client

    yield worker_
    for client in workers:
        client.resilience.close()


def state(client, node: str) -> tuple[str, str]:
    found = client.resilience.nodes[node]
    return found["state"], found["reason"]


def test_a_node_that_one_worker_opened_is_open_for_the_other(cluster, redis_server, worker):
    busy, idle = worker(redis_server.url), worker(redis_server.url)
    cluster.stall("A1")

    def write_on() -> bool:
        for n in range(30):
            try:
                busy.put(("test", "sharing", n), {"n": n})
            except Exception:
                continue
        return state(busy, "A1")[0] == "open"

    until(write_on)

    until(lambda: state(idle, "A1") == ("open", "shared"))
    assert [state(idle, node)[0] for node in ("A2", "A3")] == ["closed", "closed"]

    cluster.resume("A1")
    until(lambda: state(busy, "A1")[0] == "closed")
    until(lambda: state(idle, "A1")[0] == "closed")


def test_what_was_open_long_ago_is_no_news(cluster, redis_server, worker):
    import redis
    from pybreaker import STATE_OPEN, CircuitRedisStorage

    client = redis.Redis(port=redis_server.port)
    node = cluster.node("A1")
    old = CircuitRedisStorage("closed", client, f"aerospike-resilience:A1:127.0.0.1:{node.port}")
    old.state = STATE_OPEN
    client.set(f"aerospike-resilience:A1:127.0.0.1:{node.port}:pybreaker:opened_at", 1000)

    fresh = worker(redis_server.url)

    until(lambda: fresh.resilience._engine.sharing._known.get("A1") is not None)
    assert state(fresh, "A1")[0] == "closed"
    client.close()


def test_a_redis_that_is_gone_delays_no_call_and_is_reported(redis_server, worker, caplog):
    client = worker(redis_server.url)
    until(lambda: client.resilience._engine.sharing._known)
    with caplog.at_level(logging.INFO, "aerospike_resilience.nodes"):
        redis_server.stop()
        until(lambda: client.resilience.snapshot()["storage"]["problem"])
        slowest = 0.0
        for n in range(200):
            began = time.monotonic()
            client.get(("test", "sharing", n % 30))
            slowest = max(slowest, time.monotonic() - began)
        redis_server.start()
        until(lambda: client.resilience.snapshot()["storage"]["problem"] is None)

    assert slowest < 0.25  # the profile's whole time; Redis may take 0.5 s to fail
    said = [record.message for record in caplog.records if "storage" in record.message]
    assert len(said) == 2
    assert "cannot be used" in said[0]


def test_a_password_is_told_nobody(worker, redis_server):
    client = worker(f"redis://:hunter2@127.0.0.1:{redis_server.port}/0")

    assert "hunter2" not in str(client.resilience.snapshot())
