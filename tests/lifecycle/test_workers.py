"""Servers and their workers: what docs/processes.md shows, run; and the end of a process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
import urllib.request
from pathlib import Path

import pytest

from tests.patience import NEVER_LATE
from tests.waiting import until

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "processes.md").read_text()


def snippet(heading: str) -> str:
    """The Python of a section of the page, without what only shows that it works."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    code = re.search(r"```python[^\n]*\n(.*?)```", section, re.DOTALL)
    assert code is not None
    return code.group(1)


def run(code: str, *arguments: str, timeout_s: float = 200) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "AEROSPIKE_NO_UVLOOP": "1"},
    )


CONNECT = f"""
import os
NEVER_LATE = {NEVER_LATE}
config = {{"hosts": [tuple((h, int(p)) for h, p in [os.environ["SEED"].split(":")])[0]]}}
"""


def module(tmp_path: Path) -> None:
    definitions = snippet("One function that connects").split("\n\n\nconnect()\n")[0]
    patient = definitions.replace('profile="latency"', 'profile="latency", overrides=NEVER_LATE')
    assert patient != definitions
    (tmp_path / "carts.py").write_text(CONNECT + patient)


def test_gunicorn_with_preload_serves_from_workers_that_connect_for_themselves(healthy, tmp_path):
    pytest.importorskip("gunicorn")
    module(tmp_path)
    hooks = snippet("gunicorn").split("\n\n\npost_fork(None")[0]
    (tmp_path / "gunicorn.conf.py").write_text(f"from carts import connect, disconnect\n{hooks}\n")
    (tmp_path / "app.py").write_text(
        "import carts\n"
        "def app(environ, start_response):\n"
        "    carts.client.put(('test', 'workers', 1), {'n': 1})\n"
        "    start_response('200 OK', [])\n"
        "    return [str(carts.client.batch_read([('test', 'workers', 1)] * 3) is not None).encode()]\n"
    )
    log = tmp_path / "log"
    command = [*(sys.executable, "-m", "gunicorn", "app:app", "--preload", "--workers", "2")]
    # gunicorn loses a signal that comes while a worker boots, and then waits this long for its end.
    command += ["--graceful-timeout", "3", "--bind", "127.0.0.1:0", "--error-logfile", str(log)]
    seed = healthy.seeds.split(",")[0]
    environment = {**os.environ, "SEED": seed, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    server = subprocess.Popen(command, cwd=tmp_path, env=environment)
    try:
        found = until(
            lambda: log.exists() and re.search(r"Listening at: (http://\S+)", log.read_text())
        )
        for _ in range(6):
            with urllib.request.urlopen(found.group(1), timeout=60) as answer:
                assert answer.read() == b"True"
        assert "before the process forked" not in log.read_text()
    finally:
        server.terminate()
        server.wait(60)


def test_celerys_hooks_connect_and_disconnect(healthy, tmp_path):
    signals = pytest.importorskip("celery.signals")
    done = []
    scope = {"connect": lambda: done.append("connect"), "disconnect": lambda: done.append("end")}
    exec(snippet("Celery"), scope)
    signals.worker_process_init.send(sender=None)
    signals.worker_process_shutdown.send(sender=None)
    assert done == ["connect", "end"]


GEVENT = """
from gevent import monkey
monkey.patch_all()
import contextlib, time
import aerospike, gevent
from aerospike_resilience import resilient
from aerospike_resilience.clients.shared.source import ClientSource
from aerospike_resilience.testing import LocalCluster

KEY, ticks, turns = ("test", "workers", 1), [], []
question = ClientSource.question

def tick():
    while True:
        ticks.append(None)
        gevent.sleep(0.005)

@contextlib.contextmanager
def watched(self):
    before = len(ticks)
    try:
        with question(self) as may_ask:
            yield may_ask
    finally:
        turns.append(len(ticks) - before)

ClientSource.question = watched

with LocalCluster(nodes=3, heartbeat_timeout=5000) as cluster:
    client = resilient(aerospike.client({"hosts": cluster.hosts}), "latency")
    client.put(KEY, {"n": 1})
    gevent.spawn(tick)
    master = cluster.master(*KEY).name
    cluster.stall(master)
    try:
        client.put(KEY, {"n": 2})
    except aerospike.exception.AerospikeError:
        pass
    asked = client.resilience._engine.shared.health.by_name[master]
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        missed = asked.missed != float("-inf")
        went_on = max(turns, default=0) >= 5  # of the other greenlet, while one question was out
        if missed and went_on:
            break
        gevent.sleep(0.01)
    cluster.resume(master)
    client.close()
print(missed, went_on, turns[-20:])
"""


def test_under_gevent_questions_to_a_silent_node_hold_no_greenlet_up():
    pytest.importorskip("gevent")
    ended = run(GEVENT)
    assert ended.stdout.startswith("True True"), ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr, ended.stderr


def test_without_gevent_a_question_is_asked_where_it_is():
    import threading

    from aerospike_resilience.concurrency.threads import blocking

    assert blocking(threading.get_ident) == threading.get_ident()


EXIT = """
import atexit, sys, time
asked = []

def last_words():
    before = len(asked)
    time.sleep(0.3)
    client.put(("test", "workers", 1), {"n": 1})  # straight to the client
    print(len(asked) - before, client.resilience._engine.closed, flush=True)

atexit.register(last_words)
import aerospike
from aerospike_resilience import resilient
from aerospike_resilience.clients.shared.source import ClientSource

question = ClientSource.question

def counted(self):
    asked.append(self)
    return question(self)

ClientSource.question = counted
host, port = sys.argv[1].split(",")[0].split(":")
client = resilient(
    aerospike.client({"hosts": [(host, int(port))]}),
    "latency",
    overrides={"connection": {"tend_interval": "10ms"}},
)
while len(asked) < 20:
    time.sleep(0.01)
client.resilience.isolate("A1")
"""


def test_at_the_end_of_a_process_nodes_are_asked_nothing_and_calls_go_straight(healthy):
    ended = run(EXIT, healthy.seeds)
    assert (ended.returncode, ended.stdout.strip()) == (0, "0 True"), ended.stderr
