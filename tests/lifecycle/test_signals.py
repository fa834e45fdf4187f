"""A signal handler may call, close and reload, wherever in the library its thread is struck."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from tests.patience import NEVER_LATE

CHILD = """
import faulthandler, os, signal, sys, threading
import aerospike
import aerospike_resilience
from aerospike_resilience import resilient
from aerospike_resilience.testing import LocalCluster

WATCHED = os.path.dirname(aerospike_resilience.__file__)
KEY = ("test", "signals", 1)
at, lines, place = 0, 0, ""

def trace(frame, event, _arg):
    global lines, place
    file = frame.f_code.co_filename
    if not file.startswith(WATCHED) or f"{os.sep}testing{os.sep}" in file:
        return None
    lines += event == "line"
    if event == "line" and lines == at:
        place = f"{os.path.basename(file)}:{frame.f_lineno}"
        signal.raise_signal(signal.SIGTERM)
    return trace

def stuck():
    print(f"stuck, as the signal whose handler {name} struck at {place}", flush=True)
    faulthandler.dump_traceback(all_threads=True)
    os._exit(1)

def attempt(work):
    try:
        work()
    except Exception:
        pass

HANDLERS = {
    "closes": lambda: client.resilience.close(),
    "calls": lambda: attempt(lambda: client.put(KEY, {"n": 3})),
    "reloads": lambda: client.resilience.reload(),
}

with LocalCluster(nodes=1, replication_factor=1) as cluster:
    bare = aerospike.client({"hosts": cluster.hosts})
    for name, handler in HANDLERS.items():
        at = lines = struck = step = 0
        while at <= lines:
            at, lines = at + step, 0
            client = resilient(bare, "latency", overrides=OVERRIDES)
            client.put(KEY, {"n": 1})
            signal.signal(signal.SIGTERM, lambda *_: handler())
            PREPARE
            watch = threading.Timer(60, stuck)
            watch.start()
            sys.settrace(trace)
            WORK
            sys.settrace(None)
            watch.cancel()
            struck += 1
            if step == 0:  # the first time the lines were only counted
                step = max(lines // STRIKES, 1)
            client.resilience.close()
        print("ended", name, struck, lines)
    sys.stdout.flush()
    os._exit(0)
"""

NARROW = {"backpressure": {"max_concurrent_operations": 1, "operation_queue_timeout": "5ms"}}
ADAPTIVE = {"backpressure": {"limit": "adaptive", "max_per_node": 0.5, "batch_weight": "nodes"}}

WORKS = {
    "closing": ("client.resilience.close()", "pass", {}),
    "a call": ("attempt(lambda: client.get(KEY))", "pass", ADAPTIVE),
    "a call that waits for a permit": (
        "attempt(lambda: client.get(KEY))",
        "client.resilience._engine.shared.gates.main.permits.clear()",
        NARROW,
    ),
    "a call that is refused by an isolated node": (
        "attempt(lambda: client.put(KEY, {'n': 2}))",
        "client.resilience.isolate('A1')",
        {},
    ),
    "a reload": ("client.resilience.reload()", "pass", ADAPTIVE),
}


@pytest.mark.parametrize("work", WORKS)
def test_no_line_at_which_a_signal_handler_waits_for_its_own_thread(work):
    done, prepare, overrides = WORKS[work]
    text = (
        textwrap.dedent(CHILD)
        .replace("OVERRIDES", repr({**NEVER_LATE, **overrides}))
        .replace("PREPARE", prepare)
        .replace("WORK", done)
        .replace("STRIKES", "100" if work == "closing" else "25")
    )
    child = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=280, check=False
    )
    ended = [line.split()[:2] for line in child.stdout.splitlines()]
    handlers = ["closes", "calls", "reloads"]
    assert ended == [["ended", name] for name in handlers], child.stdout + child.stderr
