"""What the endpoint answers, over its unix socket and over its port."""

from __future__ import annotations

import json
import socket
import stat
import threading

import pytest

from aerospike_resilience import ResilienceError, resilient
from aerospike_resilience.live import server as live_server
from tests.live.conftest import Streamed, ask, connected
from tests.patience import NEVER_LATE
from tests.waiting import until


def test_a_unix_socket_is_its_owners_alone_and_goes_with_close(serve):
    server = serve()
    mode = server.path.stat().st_mode

    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600
    assert ask(server, "GET", "/snapshot").json["name"] == "carts"

    server.close()

    assert not server.path.exists()
    assert [t.name for t in threading.enumerate() if "-live" in t.name or "-reader" in t.name] == []
    server.close()  # more than once is no error


def test_top_finds_it(served, tmp_path, monkeypatch):
    from aerospike_resilience.live import places

    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    of_dead = tmp_path / "aerospike-resilience" / f"{2**31 - 1}-x.sock"
    of_dead.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(of_dead))
    with served.resilience.serve() as server:
        assert places.served() == [server.path]
        assert not of_dead.exists()
        assert stat.S_IMODE(server.path.parent.stat().st_mode) == 0o700
    assert places.served() == []


def test_an_open_directory_is_refused(served, tmp_path, monkeypatch):
    (tmp_path / "aerospike-resilience").mkdir(mode=0o777)
    (tmp_path / "aerospike-resilience").chmod(0o777)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))

    with pytest.raises(ResilienceError, match="mode 0700"):
        served.resilience.serve()


def test_the_snapshot_is_that_of_the_client(serve, served):
    state = ask(serve(), "GET", "/snapshot").json

    assert state.keys() >= served.resilience.snapshot().keys()
    assert state["nodes"].keys() == served.resilience.nodes.keys()
    assert state["process"]["pid"] > 0
    assert state["allowed"] == []


def test_a_stream_gives_the_whole_state_and_then_what_changed(serve, served):
    reader = Streamed(serve())
    whole = reader.next()
    node = next(iter(whole["nodes"]))
    served.resilience.isolate(node, reason="new disk")
    try:
        part = whole
        while part.get("nodes", {}).get(node, {}).get("state") != "isolated":
            part = reader.next()
            assert "profile" not in part  # it did not change
        assert part["nodes"][node]["reason"] == "isolated by hand: new disk"
        assert part["transitions"][-1]["to"] == "isolated"
    finally:
        served.resilience.release(node)
        reader.close()


def test_a_reader_that_accepts_them_gets_server_sent_events(serve):
    reader = Streamed(serve(), accept="text/event-stream")

    assert "Content-Type: text/event-stream" in reader.head
    assert reader.line() == b"event: state\n"
    assert json.loads(reader.line().removeprefix(b"data: "))["name"] == "carts"
    assert reader.line() == b"\n"
    reader.close()


def test_a_port_is_on_loopback_and_asks_for_the_token(serve):
    server = serve(port=0)

    with connected(server) as connection:
        assert connection.getpeername()[0] == "127.0.0.1"
    assert server.token
    for shown in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": server.token}):
        assert ask(server, "GET", "/snapshot", **shown).status == 401
    answer = ask(server, "GET", "/snapshot", Authorization=f"Bearer {server.token}")
    assert answer.status == 200
    assert server.token not in repr(server)
    page = ask(server, "GET", "/")  # it has no state in it
    assert page.status == 200
    assert b"carts" not in page.body


@pytest.mark.parametrize("order", ["isolate", "release", "reload"])
def test_orders_are_refused_unless_they_are_allowed(serve, served, order):
    node = next(iter(served.resilience.nodes))

    answer = ask(serve(), "POST", f"/{order}", {"node": node})

    assert answer.status == 403
    assert "allow=" in answer.json["error"]
    assert served.resilience.nodes[node]["state"] == "closed"


def test_allowed_orders_are_obeyed(serve, served):
    server = serve(allow=["isolate", "release", "reload"])
    node = next(iter(served.resilience.nodes))

    assert ask(server, "POST", "/isolate", {"node": node, "reason": "new disk"}).status == 200
    assert served.resilience.nodes[node]["reason"] == "isolated by hand: new disk"
    assert ask(server, "POST", "/release", {"node": node}).status == 200
    assert served.resilience.nodes[node]["state"] == "closed"
    assert ask(server, "POST", "/reload", {}).json == {"changed": [], "error": None}


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "said"),
    [
        ("GET", "/snap", None, {}, 404, "/snapshot"),
        ("POST", "/snapshot", {}, {}, 405, "GET"),
        ("GET", "/isolate", None, {}, 405, "POST"),
        ("GET", "/stream?interval=often", None, {}, 400, "seconds"),
        ("POST", "/isolate", b"{", {}, 400, "JSON object"),
        ("POST", "/isolate", {"node": 3}, {}, 400, "name"),
        ("POST", "/isolate", {"node": "Z9"}, {}, 404, "no node"),
        ("POST", "/isolate", {"node": "Z" * 5000}, {}, 413, "4096"),
        ("POST", "/isolate", {"node": "A1"}, {"Content-Type": "text/plain"}, 415, "json"),
    ],
)
def test_what_is_wrong_is_answered_with_what_is_right(
    serve, method, path, body, headers, status, said
):
    answer = ask(serve(allow=["isolate"]), method, path, body, **headers)

    assert answer.status == status
    assert said in answer.json["error"]


def test_traffic_is_served_where_the_client_records_it(serve, served, monkeypatch):
    class Shape:
        def __init__(self, seconds: float) -> None:
            self.seconds = seconds

        def as_dict(self):
            return {"observed_s": self.seconds}

    monkeypatch.setattr(type(served.resilience), "traffic", lambda _self, seconds: Shape(seconds))
    server = serve()

    assert ask(server, "GET", "/traffic").json == {"observed_s": 5.0}
    assert ask(server, "GET", "/traffic?seconds=9999").json == {"observed_s": 60.0}
    assert ask(server, "GET", "/traffic?seconds=long").status == 400


def test_a_reader_that_reads_nothing_is_left_and_blocks_nobody(serve, served, monkeypatch):
    monkeypatch.setattr(live_server.Handler, "__init__", impatient(live_server.Handler.__init__))
    server = serve()
    # Its buffers are filled by a state that never fits.
    monkeypatch.setattr(
        type(served.resilience),
        "snapshot",
        lambda _self: {"name": "carts", "much": "x" * 4_000_000},
    )
    deaf = connected(server)
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.sendall(b"GET /stream HTTP/1.0\r\n\r\n")
    until(lambda: server._readers)

    for n in range(20):
        served.get(("test", "secret-set", n))
    assert ask(server, "GET", "/snapshot").status == 200

    until(lambda: not server._readers)
    deaf.close()


def impatient(init):
    from aerospike_resilience.live import handler

    def with_little_patience(self, *args):
        handler.PATIENCE_S, before = 0.2, handler.PATIENCE_S
        try:
            init(self, *args)
        finally:
            handler.PATIENCE_S = before

    return with_little_patience


def test_of_too_many_readers_the_last_is_turned_away(serve, monkeypatch):
    monkeypatch.setattr(live_server, "MAX_READERS", 1)
    server = serve()
    first = Streamed(server)
    assert first.next()["name"] == "carts"

    def status() -> int:
        try:
            return ask(server, "GET", "/snapshot").status
        except OSError:  # the one before has not gone yet, so this one gets no answer
            return 0

    until(lambda: status() == 503)

    first.close()
    until(lambda: status() == 200)


def test_a_socket_that_a_process_left_behind_is_replaced_and_nothing_else(serve, served, tmp_path):
    path = tmp_path / "live.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    server = serve(path=path)
    assert ask(server, "GET", "/snapshot").status == 200

    with pytest.raises(FileExistsError, match="served already"):
        served.resilience.serve(path)
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(FileExistsError, match="no socket"):
        served.resilience.serve(file)
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"path": "x", "port": 0}, "not both"),
        ({"path": "/tmp/" + "x" * 120}, "too long"),
        ({"port": 0, "token": ""}, "empty"),
        ({"allow": ["isolat"]}, "isolate"),
    ],
)
def test_what_cannot_be_served_is_said(served, options, said):
    with pytest.raises(ValueError, match=said):
        served.resilience.serve(**options)


def test_names_of_orders_are_not_given_as_text(served):
    with pytest.raises(TypeError, match="several names"):
        served.resilience.serve(allow="isolate")


def test_no_secret_and_no_key_is_in_any_answer(healthy, connect, tmp_path):
    wrapped = resilient(
        connect(healthy),
        "latency",
        overrides={**NEVER_LATE, "breaker": {"storage": "redis://me:hunter2@127.0.0.1:1/0"}},
    )
    wrapped.put(("test", "demo", "a-private-key"), {"n": "a-private-value"})
    with wrapped.resilience.serve(tmp_path / "live.sock", allow=["reload"]) as server:
        until(lambda: wrapped.resilience.snapshot()["storage"]["problem"])
        answers = [ask(server, "GET", path).body for path in ("/", "/snapshot")]
        answers.append(ask(server, "POST", "/reload", {}).body)
        reader = Streamed(server)
        answers.append(reader.line())
        reader.close()
    wrapped.resilience.close()

    everything = b"".join(answers)
    assert b"127.0.0.1:1" in everything
    for secret in (b"hunter2", b"a-private"):
        assert secret not in everything
