"""Live: what one wrapped client is doing now, over a small endpoint: state, stream, page, orders."""

from __future__ import annotations

from .asgi import LiveASGI
from .places import default_path
from .server import LiveServer
from .wsgi import LiveWSGI

__all__ = ["LiveASGI", "LiveServer", "LiveWSGI", "default_path"]
