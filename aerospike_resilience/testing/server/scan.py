"""Scans and queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..counters import INDEX
from .errors import ERR_UNSUPPORTED_FEATURE
from .wire import FIELD_INDEX_RANGE, FIELD_PARTITION_IDS, Request, answer

if TYPE_CHECKING:
    from .connection import Connection
    from .node import Node


def classify(request: Request) -> int:
    """Return the index of the operation."""
    if FIELD_INDEX_RANGE in request.fields:
        return INDEX["query"]
    if FIELD_PARTITION_IDS in request.fields:
        return INDEX["scan"]
    return INDEX["malformed"]


def run(node: Node, number: int, request: Request, connection: Connection) -> None:
    """Carry out a scan or query."""
    connection.reply(answer(ERR_UNSUPPORTED_FEATURE))
