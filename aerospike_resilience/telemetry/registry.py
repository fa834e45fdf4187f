"""The registry: every name, unit and attribute of spans and metrics. Code, docs and tests go by it.

Metrics and attributes of the database conventions are under ``db.``, facts that the client tells under
``aerospike.``, and facts of this library under ``aerospike.resilience.``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

SCOPE: Final = "aerospike_resilience"
"""The name of the tracer and of the meter."""

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.44.0"
"""The version of the conventions that the names follow."""

InstrumentKind: TypeAlias = Literal["histogram", "counter", "up-down counter", "gauge"]
"""What an instrument is to OpenTelemetry. All but histograms are read when metrics are collected."""

# ----- words that attributes have as values

GONE: Final = "gone"
NODE_STATES: Final = ("closed", "half-open", "open", "isolated", GONE)
OUTCOMES: Final = ("ok", "miss", "failed", "partial", "refused", "cancelled")
REFUSAL_REASONS: Final = (
    *("circuit_open", "gate_timeout", "gate_deadline", "gate_shed", "closed", "deadline"),
)
SUPPRESSION_REASONS: Final = ("budget", "deadline", "in_doubt", "tries", "overload", "rules")
RETRY_KINDS: Final = ("ours", "native")
RELOAD_OUTCOMES: Final = ("changed", "failed")
CONNECTION_STATES: Final = ("idle", "used")
GATE_OUTCOMES: Final = ("granted", "timeout", "deadline", "closed", "shed")
FAILURES: Final = (
    *("timeout", "server_timeout", "connection", "overload", "unavailable", "busy"),
    *("pool_exhausted", "native_breaker", "conflict", "record", "security", "caller"),
    *("circuit_open", "gate", "deadline", "other"),
)

# ----- names of attributes

CLIENT: Final = "aerospike.resilience.client"
PROFILE: Final = "aerospike.resilience.profile"
FINGERPRINT: Final = "aerospike.resilience.profile.fingerprint"
IN_FORCE: Final = "aerospike.resilience.profile.in_force"
PROFILE_STATE: Final = "aerospike.resilience.profile.state"
ROLLOUT_GROUP: Final = "aerospike.resilience.rollout.group"
NODE: Final = "aerospike.node.name"
NODE_STATE: Final = "aerospike.resilience.node.state"
OUTCOME: Final = "aerospike.resilience.outcome"
FAILURE: Final = "aerospike.resilience.failure"
RETRIES: Final = "aerospike.resilience.retries"
NATIVE_RETRIES: Final = "aerospike.resilience.native_retries"
REFUSAL_REASON: Final = "aerospike.resilience.refusal.reason"
REFUSAL_ROLE: Final = "aerospike.resilience.refusal.role"
QUEUE_TIME: Final = "aerospike.resilience.queue_time"
FAILED_ROWS: Final = "aerospike.resilience.batch.failed_rows"
FALLBACK: Final = "aerospike.resilience.fallback"
COMMIT_MASTER: Final = "aerospike.resilience.commit_master"
RETRY_KIND: Final = "aerospike.resilience.retry.kind"
SUPPRESSION_REASON: Final = "aerospike.resilience.suppression.reason"
GATE_OUTCOME: Final = "aerospike.resilience.gate.outcome"
RELOAD_OUTCOME: Final = "aerospike.resilience.reload.outcome"
ACTION: Final = "aerospike.resilience.action"
REASON: Final = "aerospike.resilience.reason"
BECAME: Final = "aerospike.resilience.became"
ATTEMPT_EVENT: Final = "aerospike.resilience.attempt"
ATTEMPT_NUMBER: Final = "aerospike.resilience.attempt.number"
ATTEMPT_DURATION: Final = "aerospike.resilience.attempt.duration"
ATTEMPT_SLEEP: Final = "aerospike.resilience.attempt.sleep"
ATTEMPT_TRIES: Final = "aerospike.resilience.attempt.tries"

DB_SYSTEM: Final = "db.system.name"
DB_OPERATION: Final = "db.operation.name"
DB_NAMESPACE: Final = "db.namespace"
DB_COLLECTION: Final = "db.collection.name"
DB_BATCH_SIZE: Final = "db.operation.batch.size"
DB_PROCEDURE: Final = "db.stored_procedure.name"
DB_QUERY_TEXT: Final = "db.query.text"
DB_STATUS_CODE: Final = "db.response.status_code"
DB_RETURNED_ROWS: Final = "db.response.returned_rows"
POOL_NAME: Final = "db.client.connection.pool.name"
POOL_STATE: Final = "db.client.connection.state"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
PEER_ADDRESS: Final = "network.peer.address"
PEER_PORT: Final = "network.peer.port"
ERROR_TYPE: Final = "error.type"

WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    NODE_STATE: NODE_STATES,
    OUTCOME: OUTCOMES,
    FAILURE: FAILURES,
    REFUSAL_REASON: REFUSAL_REASONS,
    REFUSAL_ROLE: ("master", "replica"),
    SUPPRESSION_REASON: SUPPRESSION_REASONS,
    RETRY_KIND: RETRY_KINDS,
    RELOAD_OUTCOME: RELOAD_OUTCOMES,
    POOL_STATE: CONNECTION_STATES,
    GATE_OUTCOME: GATE_OUTCOMES,
    ACTION: ("refused", "hurried", "shed", "retried"),
    BECAME: ("served", "failed"),
    PROFILE_STATE: ("current", "stale", "parent"),
    ROLLOUT_GROUP: ("none", "new", "previous"),
    DB_SYSTEM: ("aerospike",),
}
"""The values of attributes that have no others."""

OTHER_SET: Final = "_other"
"""The set of operations on metrics whose own set is beyond the profile's cap."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        instrument: its kind.
        unit: its unit, as OpenTelemetry writes units.
        description: what it shows, as exported.
        attributes: its attributes besides `CLIENT`; those of a success or of a failure alone included.
        zero: whether every series is exported as 0 from the time its attributes are known.
        optional: whether it appears only where a profile asks for it, or only some clients tell it.
    """

    instrument: InstrumentKind
    unit: str
    description: str
    attributes: tuple[str, ...] = ()
    zero: bool = False
    optional: bool = False


DURATION: Final = "db.client.operation.duration"
ATTEMPT_DURATIONS: Final = "aerospike.resilience.attempt.duration"
WAIT_TIME: Final = "aerospike.resilience.gate.wait_time"
RECORD_SIZE: Final = "aerospike.resilience.record.size"

METRICS: Final[Mapping[str, Metric]] = {
    DURATION: Metric(
        "histogram",
        "s",
        "Duration of database client operations.",
        (
            *(DB_SYSTEM, DB_OPERATION, DB_NAMESPACE, DB_COLLECTION, DB_PROCEDURE),
            *(SERVER_ADDRESS, SERVER_PORT, DB_STATUS_CODE, ERROR_TYPE, FAILURE),
        ),
    ),
    "db.client.connection.count": Metric(
        "up-down counter",
        "{connection}",
        "Connections that are open now, by node and state.",
        (POOL_NAME, POOL_STATE),
        zero=True,
        optional=True,
    ),
    "db.client.connection.max": Metric(
        "up-down counter",
        "{connection}",
        "The most connections that may be open to a node.",
        (POOL_NAME,),
        optional=True,
    ),
    "aerospike.client.connections.opened": Metric(
        *("counter", "{connection}", "Connections opened, by node.", (NODE,)),
        zero=True,
        optional=True,
    ),
    "aerospike.client.connections.closed": Metric(
        *("counter", "{connection}", "Connections closed, by node.", (NODE,)),
        zero=True,
        optional=True,
    ),
    "aerospike.client.connections.recovered": Metric(
        "counter",
        "{connection}",
        "Connections kept after their answer came too late, by node.",
        (NODE,),
        zero=True,
        optional=True,
    ),
    "aerospike.client.connections.aborted": Metric(
        "counter",
        "{connection}",
        "Connections closed as their answer did not come even late, by node.",
        (NODE,),
        zero=True,
        optional=True,
    ),
    "aerospike.client.connections.exhausted": Metric(
        "counter",
        "{connection}",
        "Attempts that the client refused as its pool for the node was full, by node.",
        (NODE,),
        zero=True,
        optional=True,
    ),
    "aerospike.client.errors": Metric(
        "counter",
        "{try}",
        "Tries that the client counts as failed, by node.",
        (NODE,),
        zero=True,
        optional=True,
    ),
    "aerospike.client.timeouts": Metric(
        "counter",
        "{try}",
        "Tries that the client counts as timed out, by node.",
        (NODE,),
        zero=True,
        optional=True,
    ),
    "aerospike.client.key_busy": Metric(
        "counter",
        "{try}",
        "Tries that a node refused as the record was busy, by node.",
        (NODE,),
        zero=True,
        optional=True,
    ),
    ATTEMPT_DURATIONS: Metric(
        "histogram",
        "s",
        "Duration of attempts: native calls made for operations.",
        (NODE, OUTCOME),
        optional=True,
    ),
    RECORD_SIZE: Metric(
        "histogram",
        "By",
        "Size of the bins of single records that were read or written whole, estimated.",
        (DB_SYSTEM, DB_OPERATION, DB_NAMESPACE, DB_COLLECTION),
        optional=True,
    ),
    "aerospike.resilience.node.state": Metric(
        "up-down counter",
        "{node}",
        "1 for the state in which a node's breaker is, 0 for the others.",
        (NODE, NODE_STATE),
        zero=True,
    ),
    "aerospike.resilience.node.transitions": Metric(
        "counter",
        "{transition}",
        "Changes of state of nodes' breakers, by node and new state.",
        (NODE, NODE_STATE),
        zero=True,
    ),
    "aerospike.resilience.node.open_time": Metric(
        "counter", "s", "Time for which nodes were not closed, by node.", (NODE,), zero=True
    ),
    "aerospike.resilience.refusals": Metric(
        "counter",
        "{operation}",
        "Operations refused by this library, by reason, and by node where one was the reason.",
        (REFUSAL_REASON, NODE),
        zero=True,
    ),
    "aerospike.resilience.retries": Metric(
        "counter",
        "{attempt}",
        "Attempts beyond an operation's first, and tries that the client made by itself.",
        (RETRY_KIND,),
        zero=True,
    ),
    "aerospike.resilience.suppressed_retries": Metric(
        "counter",
        "{operation}",
        "Failed operations that were not tried again although they could have been, by reason.",
        (SUPPRESSION_REASON,),
        zero=True,
    ),
    "aerospike.resilience.budget.balance": Metric(
        "gauge",
        "{attempt}",
        "Retries that the retry budget allows now.",
        optional=True,
    ),
    "aerospike.resilience.adaptive_timeout": Metric(
        "gauge",
        "s",
        "The socket timeout of reads that another attempt can follow, where the profile adapts it.",
        optional=True,
    ),
    "aerospike.resilience.gate.in_flight": Metric(
        "up-down counter", "{operation}", "Operations that hold a permit.", zero=True
    ),
    "aerospike.resilience.gate.limit": Metric(
        "up-down counter", "{operation}", "Permits in all; 0 for no limit.", zero=True
    ),
    "aerospike.resilience.gate.waiting": Metric(
        "up-down counter", "{operation}", "Operations in line for a permit.", zero=True
    ),
    "aerospike.resilience.gate.node.in_flight": Metric(
        "up-down counter",
        "{operation}",
        "Operations that hold a permit of a node, where the profile limits by node.",
        (NODE,),
        zero=True,
        optional=True,
    ),
    WAIT_TIME: Metric(
        "histogram",
        "s",
        "How long operations that had to wait for a permit did so.",
        (GATE_OUTCOME,),
        optional=True,
    ),
    "aerospike.resilience.fallback.calls": Metric(
        "counter", "{operation}", "Operations made on the fallback client.", zero=True
    ),
    "aerospike.resilience.commit_master": Metric(
        "counter",
        "{operation}",
        "Writes sent with commit level master, as a replica was open or silent.",
        zero=True,
    ),
    "aerospike.resilience.would_have": Metric(
        "counter",
        "{operation}",
        "Operations to which the profile compared with would have done something.",
        (ACTION, REASON, BECAME, NODE),
        optional=True,
    ),
    "aerospike.resilience.cluster.verdict": Metric(
        "gauge",
        "{cluster}",
        "1 while so many nodes fail that the cluster or our own network is the likely cause.",
        zero=True,
    ),
    "aerospike.resilience.storage.unreachable": Metric(
        "gauge",
        "{storage}",
        "1 while breaker.storage cannot be used and nodes' states are not shared.",
        zero=True,
    ),
    "aerospike.resilience.profile.info": Metric(
        "gauge",
        "{profile}",
        "1, with the profile that was asked for, the one in force and its fingerprint.",
        (PROFILE, IN_FORCE, FINGERPRINT, PROFILE_STATE, ROLLOUT_GROUP),
    ),
    "aerospike.resilience.reload.failed": Metric(
        "gauge",
        "{profile}",
        "1 while a profile's file is broken and the last good one holds.",
        zero=True,
    ),
    "aerospike.resilience.reloads": Metric(
        "counter",
        "{reload}",
        "Reloads that changed the profile, or failed, by outcome.",
        (RELOAD_OUTCOME,),
        zero=True,
    ),
    "aerospike.resilience.native_config.overrides": Metric(
        "gauge",
        "{field}",
        "Policy fields in which the client's own dynamic configuration overrides the profile.",
    ),
}
"""Every metric, by name."""
