"""The endpoint inside an application's own server."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import io
import json
import threading
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import make_server

from tests.waiting import until


async def ask_asgi(
    app, method: str, path: str, body: bytes = b"", **headers: str
) -> tuple[int, bytes]:
    sent: list[dict[str, Any]] = []
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive():
        if messages:
            return messages.pop()
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "root_path": "/ops",
        "path": f"/ops{path}",
        "query_string": query.encode(),
        "headers": [(name.replace("_", "-").encode(), v.encode()) for name, v in headers.items()],
    }
    await app(scope, receive, send)
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent)


def ask_wsgi(app, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any]:
    started: list[str] = []
    path, _, query = path.partition("?")
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": headers.pop("content_type", ""),
        "wsgi.input": io.BytesIO(body),
        **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
    }
    parts = app(environ, lambda status, _headers: started.append(status))
    return int(started[0][:3]), parts


async def test_an_asgi_app_answers_as_the_endpoint_does(served):
    app = served.resilience.asgi(allow=["isolate", "release"], token="shown")
    node = next(iter(served.resilience.nodes))
    order, as_json = json.dumps({"node": node}).encode(), {"content_type": "application/json"}

    assert (await ask_asgi(app, "GET", "/snapshot"))[0] == 401
    status, body = await ask_asgi(app, "GET", "/snapshot", authorization="Bearer shown")
    assert (status, json.loads(body)["name"]) == (200, "carts")
    assert (
        await ask_asgi(app, "POST", "/isolate", order, authorization="Bearer shown", **as_json)
    )[0] == 200
    assert served.resilience.nodes[node]["state"] == "isolated"
    assert (
        await ask_asgi(app, "POST", "/release", order, authorization="Bearer shown", **as_json)
    )[0] == 200
    status, body = await ask_asgi(app, "GET", "/stream", authorization="Bearer shown")
    assert json.loads(body.splitlines()[0])["name"] == "carts"  # and it ends when the reader goes
    assert b"<!doctype html>" in (await ask_asgi(app, "GET", "/"))[1]


async def test_an_asgi_app_lives_and_speaks_http_only(served):
    app = served.resilience.asgi()
    sent = []

    async def send(message):
        sent.append(message["type"])

    messages = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive():
        return {"type": next(messages)}

    await app({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_a_wsgi_app_answers_as_the_endpoint_does(served):
    app = served.resilience.wsgi(allow=["reload"])

    status, parts = ask_wsgi(app, "GET", "/snapshot")
    assert (status, json.loads(b"".join(parts))["name"]) == (200, "carts")
    assert ask_wsgi(app, "POST", "/reload", b"{}", content_type="application/json")[0] == 200
    assert ask_wsgi(app, "POST", "/isolate", b"{}", content_type="application/json")[0] == 403
    status, parts = ask_wsgi(app, "GET", "/stream?interval=0.05")
    assert json.loads(next(parts))["name"] == "carts"
    parts.close()


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_a_mounted_app_holds_no_client(healthy, kind):
    import aerospike

    from aerospike_resilience import resilient

    client = resilient(aerospike.client({"hosts": healthy.hosts}), "latency")
    app = getattr(client.resilience, kind)()
    del client

    if kind == "asgi":
        status = asyncio.run(ask_asgi(app, "GET", "/snapshot"))[0]
    else:
        status = ask_wsgi(app, "GET", "/snapshot")[0]
    assert status == 410


@contextlib.contextmanager
def uvicorn_server(app):
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(60)


@contextlib.contextmanager
def werkzeug_server(app):
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join(60)
    server.server_close()


def in_fastapi(client):
    app = FastAPI()
    app.mount("/ops/carts", client.resilience.asgi())
    return uvicorn_server(app)


def in_flask(client):
    app = Flask("shop")
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/ops/carts": client.resilience.wsgi()})
    return werkzeug_server(app)


@pytest.mark.parametrize("mounted", [in_fastapi, in_flask])
def test_it_is_mounted_in_a_real_server(served, mounted):
    with mounted(served) as port:

        def answer(path: str) -> http.client.HTTPResponse:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connections.append(connection)
            connection.request("GET", f"/ops/carts{path}")
            return connection.getresponse()

        connections: list[http.client.HTTPConnection] = []
        assert json.loads(answer("/snapshot").read())["name"] == "carts"
        assert b"<!doctype html>" in answer("/").read()
        assert answer("/isolate").status == 405
        stream = answer("/stream?interval=0.05")
        assert json.loads(stream.readline())["name"] == "carts"
        stream.close()
        for connection in connections:
            connection.close()
