"""Every attribute of spans and of their events: when it is there, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from . import registry

When: TypeAlias = Literal["creation", "end"]
"""When a span gets an attribute. Samplers see only those of its creation."""


@dataclass(frozen=True, slots=True)
class SpanAttribute:
    """One attribute of spans.

    Attributes:
        when: when the span gets it.
        description: what it is, and on which spans it is, if not on all.
    """

    when: When
    description: str


SPAN_ATTRIBUTES: Final[Mapping[str, SpanAttribute]] = {
    registry.DB_SYSTEM: SpanAttribute("creation", "`aerospike`"),
    registry.DB_OPERATION: SpanAttribute("creation", "the operation: `get`, `put`, `batch_read`"),
    registry.DB_NAMESPACE: SpanAttribute("creation", "the namespace, if it is a single one"),
    registry.DB_COLLECTION: SpanAttribute("creation", "the set, if it is a single one"),
    registry.DB_BATCH_SIZE: SpanAttribute(
        "creation", "the number of rows of a batch, unless it is 1"
    ),
    registry.DB_PROCEDURE: SpanAttribute("creation", "`module.function` of a UDF"),
    registry.DB_QUERY_TEXT: SpanAttribute(
        "creation", "a query's text with `?` for values, with `telemetry: {db_query_text: true}`"
    ),
    registry.SERVER_ADDRESS: SpanAttribute("creation", "the first host that the client was given"),
    registry.SERVER_PORT: SpanAttribute("creation", "that host's port"),
    registry.CLIENT: SpanAttribute("creation", "the client's name"),
    registry.PROFILE: SpanAttribute("creation", "the name of the profile in force"),
    registry.PEER_ADDRESS: SpanAttribute(
        "end", "the address of the node contacted last, if it is known"
    ),
    registry.PEER_PORT: SpanAttribute("end", "that node's port"),
    registry.DB_STATUS_CODE: SpanAttribute(
        "end", "the result code of a failure, and `2` of a miss"
    ),
    registry.DB_RETURNED_ROWS: SpanAttribute(
        "end", "rows of a query, where the profile asks for them"
    ),
    registry.ERROR_TYPE: SpanAttribute(
        "end", "of a failure: the error's class, or the worst row's code"
    ),
    registry.OUTCOME: SpanAttribute("end", "how it ended, unless `ok`"),
    registry.FAILURE: SpanAttribute(
        "end", "of a failure: its cause, in the same words for every client"
    ),
    registry.RETRIES: SpanAttribute("end", "attempts beyond the first, if any"),
    registry.NATIVE_RETRIES: SpanAttribute("end", "tries that the client made by itself, if known"),
    registry.REFUSAL_REASON: SpanAttribute("end", "of a refusal: why"),
    registry.REFUSAL_ROLE: SpanAttribute(
        "end", "of a refusal for an open node: what it is to the record"
    ),
    registry.NODE: SpanAttribute("end", "of a refusal for an open node: the node's name"),
    registry.NODE_STATE: SpanAttribute("end", "of a refusal for an open node: the node's state"),
    registry.QUEUE_TIME: SpanAttribute("end", "seconds in line for permits, if it waited"),
    registry.FAILED_ROWS: SpanAttribute("end", "failed rows of a batch, if any"),
    registry.FALLBACK: SpanAttribute("end", "true if it was made on the fallback client"),
    registry.COMMIT_MASTER: SpanAttribute(
        "end", "true if a write was committed on its master alone"
    ),
}
"""Every attribute of spans, by name."""

EVENT_ATTRIBUTES: Final[Mapping[str, str]] = {
    registry.ATTEMPT_NUMBER: "which attempt, from 1",
    registry.ATTEMPT_DURATION: "how long it took, in seconds",
    registry.ATTEMPT_SLEEP: "the sleep after it, in seconds",
    registry.ATTEMPT_TRIES: "its requests on the wire, if known",
    registry.FAILURE: "why it failed",
    registry.NODE: "the node that failed, if known",
}
"""The attributes of the event `registry.ATTEMPT_EVENT`: one event for each attempt, where there was
more than one."""
