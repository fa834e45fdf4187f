"""How long an endpoint lives: as long as its client's protection, in the process that opened it."""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
import threading
import weakref

import aerospike
import pytest

from aerospike_resilience import ResilienceError, resilient
from tests.live.conftest import Streamed, ask
from tests.test_fork import in_child
from tests.waiting import until


def live_threads() -> list[str]:
    return [
        thread.name
        for thread in threading.enumerate()
        if thread.name.startswith(("aerospike-resilience-live", "aerospike-resilience-reader"))
    ]


@pytest.mark.parametrize("end", ["resilience.close", "close", "drop"])
def test_it_ends_with_the_protection(healthy, tmp_path, end):
    client = resilient(aerospike.client({"hosts": healthy.hosts}), "latency")
    server = client.resilience.serve(tmp_path / "live.sock")
    reader = Streamed(server)
    assert reader.next()
    freed = weakref.ref(client.resilience._engine)

    if end == "resilience.close":
        client.resilience.close()
    elif end == "close":
        client.close()
    else:
        del client
        gc.collect()
        until(lambda: freed() is None)

    while reader.next() is not None:
        pass
    reader.close()
    until(lambda: not server.path.exists())
    until(lambda: not live_threads())
    assert server.closed


def test_a_closed_client_is_not_served(healthy, connect, tmp_path):
    client = resilient(connect(healthy), "latency")
    client.resilience.close()

    with pytest.raises(ResilienceError, match="closed"):
        client.resilience.serve(tmp_path / "live.sock")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_does_not_serve_its_parents_socket(served, serve, tmp_path):
    server = serve()
    reader = Streamed(server)
    assert reader.next()

    def child() -> bool:
        listening = server._listener.fileno() == -1
        own = served.resilience.serve(tmp_path / "child.sock")
        answers = ask(own, "GET", "/snapshot").json["process"]["pid"] == os.getpid()
        own.close()
        server.close()
        return server.closed and listening and answers and server.path.exists()

    assert in_child(child) == 0
    assert reader.next() is not None
    assert ask(server, "GET", "/snapshot").json["process"]["pid"] == os.getpid()
    reader.close()


def test_a_process_that_ends_removes_its_socket(healthy, tmp_path):
    path = tmp_path / "live.sock"
    code = (
        "import aerospike\n"
        "from aerospike_resilience import resilient\n"
        f"client = resilient(aerospike.client({{'hosts': {healthy.hosts!r}}}), 'latency')\n"
        f"client.resilience.serve({str(path)!r})\n"
        f"import os; assert os.path.exists({str(path)!r})\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)

    assert not path.exists()


def test_close_leaves_a_socket_of_somebody_else_alone(serve):
    server = serve()
    server.path.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(server.path))

        server.close()

        assert server.path.exists()
