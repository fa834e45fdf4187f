"""The endpoint inside an application's own server."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import pytest


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
