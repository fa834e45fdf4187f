"""Descriptions of this library's own sections, and of a file's head."""

from __future__ import annotations

from typing import Final

from .entry import Entries

HEAD: Final[Entries] = {
    "version": ("The version of this file format. This release reads version 1.", 1),
    "description": (
        "What the profile is for, in one line.",
        "Checkout. As latency, writes longer.",
    ),
    "extends": ("The profile that this one builds on. null: none.", "latency"),
    "rollout": (
        "In which share of the processes this file is in force. The others stay with the parent, or with "
        "previous. null: in all.",
        {"share": "10%", "by": "hostname"},
    ),
    "connection": (
        "How a client is connected: used by connect(), compared with a client that exists already.",
        {"max_conns_per_node": 300},
    ),
    "policy": (
        "Aerospike's policy fields by scope. The more specific scope wins.",
        {"all": {"total_timeout": "250ms"}},
    ),
    "operations": (
        "Policy fields of single methods, by name. They win over scopes and sets.",
        {"info_all": {"timeout": "1s"}},
    ),
    "sets": (
        "Policy fields by scope for a namespace or a set: namespace, namespace.set, or namespace:set where "
        "the set's own name has dots.",
        {"test.sessions": {"reads": {"total_timeout": "80ms"}}},
    ),
    "retry": ("How this library repeats attempts.", {"budget": {"ratio": 0.1}}),
    "adaptive_timeout": (
        "Leave a node early for a replica, by how long the node usually takes. null: never.",
        {"min": "5ms", "max": "40ms"},
    ),
    "breaker": ("The breaker of each node.", {"max_error_rate": 20}),
    "backpressure": (
        "The gate: how many operations run at once.",
        {"max_concurrent_operations": 256},
    ),
    "telemetry": ("What is reported to OpenTelemetry.", {"spans": False}),
    "forked_client": (
        "What the first call in a forked child does on a client that its parent connected.",
        "error",
    ),
    "lint": (
        "Findings that were reviewed and are ignored.",
        {"ignore": {"AR008": "nodes of this cluster never pause"}},
    ),
}
"""Keys of the file itself."""

ROLLOUT: Final[Entries] = {
    "share": ("The share of the processes, as a percentage.", "10%"),
    "by": (
        "What distinguishes processes: hostname, or env:NAME for an environment variable. A process in "
        "which it is not set is in no share below 100%.",
        "env:POD_NAME",
    ),
    "previous": ("The profile of the other processes. null: the parent.", "latency"),
}
"""``rollout``."""

RETRY: Final[Entries] = {
    "backoff": ("How sleeps between attempts grow.", "full_jitter"),
    "chain": ("The sleeps of the backoff chained, in order.", ["2ms", "10ms", "50ms"]),
    "sleep": ("The first sleep. A bare number is in milliseconds.", "2ms"),
    "max_sleep": ("The longest sleep.", "50ms"),
    "native_failover": (
        "How many of a read's retries are left to the client, because only it can move to the replica.",
        1,
    ),
    "budget": (
        "How many retries are allowed in all. null: as many as max_retries says.",
        {"ratio": 0.1, "min_per_second": 10},
    ),
    "in_doubt": (
        "What happens to a conditional write that may have been applied. report: the error says so. "
        "verify: the record is read, if that can decide it.",
        "verify",
    ),
}
"""``retry``."""

BUDGET: Final[Entries] = {
    "ratio": ("The retries that recent operations allow, as a share of their number.", 0.1),
    "min_per_second": ("Retries a second that are allowed in any case.", 10),
}
"""``retry.budget``."""

ADAPTIVE_TIMEOUT: Final[Entries] = {
    "quantile": ("The quantile of a node's latency that counts as usual.", 0.99),
    "factor": ("How many times this quantile a read waits before it leaves the node.", 4),
    "min": ("A read waits at least this long. A bare number is in milliseconds.", "5ms"),
    "max": ("A read waits at most this long.", "40ms"),
}
"""``adaptive_timeout``."""

BREAKER: Final[Entries] = {
    "mode": (
        "enforce: keep calls away from open nodes. shadow: count and report only. off: neither.",
        "shadow",
    ),
    "max_error_rate": ("Errors of a node within the window that open it. 0: no limit.", 20),
    "error_rate_window": ("The window, in tends.", 1),
    "half_open_calls": ("Successes in a row that close a half-open node.", 3),
    "max_open_share": ("The largest share of the cluster that may be open.", 0.5),
    "on_replica_open": (
        "What happens to a write if its replica is open. fail: it is refused at once. commit_master: the "
        "master alone acknowledges it, also at a second try if the replica is silent. wait: it is sent as "
        "usual.",
        "commit_master",
    ),
    "silence": ("How long a node may show no sign of life before it opens.", "250ms"),
    "failure_rate": ("The share of failed calls in a window that opens a node. null: none.", 0.5),
    "slow_call_rate": ("The share of slow calls in a window that opens a node. null: none.", 0.5),
    "slow_call_duration": ("A call that takes longer is slow.", "100ms"),
    "minimum_calls": ("With fewer calls in a window the two rates do not apply.", 20),
    "isolate": (
        "Names of nodes that get no writes, and no reads that only the master may answer.",
        ["A1"],
    ),
    "batch_on_open": (
        "What a batch does with rows that need an open node. partial: these rows fail. fail: "
        "the batch does.",
        "fail",
    ),
    "storage": (
        "The Redis in which the workers of a service share the nodes they opened. null: none.",
        "redis://host:6379/0",
    ),
}
"""``breaker``."""

BACKPRESSURE: Final[Entries] = {
    "max_concurrent_operations": (
        "How many operations run at once; the others queue. 0: no limit. Keep it below max_conns_per_node.",
        256,
    ),
    "operation_queue_timeout": (
        "How long an operation may wait in a queue that does not move. 0: until its deadline. A bare "
        "number is in milliseconds.",
        "50ms",
    ),
    "queue": (
        "Which operation is served first: the one that waited longest (fifo) or shortest (lifo).",
        "lifo",
    ),
    "limit": (
        "fixed: max_concurrent_operations. adaptive: it begins there and follows the latency.",
        "adaptive",
    ),
    "floor": ("The lowest adaptive limit.", 10),
    "ceiling": ("The highest adaptive limit. Keep it below max_conns_per_node.", 250),
    "batch_weight": ("Permits that a batch takes: one, or one for each node it touches.", "nodes"),
    "batch_weight_cap": ("The most permits that a batch takes.", 8),
    "max_per_node": (
        "Permits that operations of one node may hold: a share of the limit, or a number. null: all.",
        0.5,
    ),
}
"""``backpressure``."""

TELEMETRY: Final[Entries] = {
    "spans": ("Make a span for each operation.", True),
    "metrics": ("Report metrics.", True),
    "db_query_text": ("Put the text of a query into its span, with ? for every value.", False),
    "attempt_duration": ("Record the duration of each attempt, by node.", True),
    "client_counters": (
        "Export every counter that the client has of each node; by default while that is 5 nodes at most.",
        True,
    ),
    "sets": ("The sets that metrics name; a number means the first that are used.", ["test.carts"]),
    "returned_rows": ("Put the number of records that a query returned on its span.", True),
    "attempt_spans": ("Make a child span for each attempt.", True),
    "attempt_logs": (
        "Log the attempts of an operation that made several, instead of adding them to its span.",
        True,
    ),
    "record_size": ("Record the size of single records that are read, or written whole.", True),
    "count_as_errors": ("Ordinary ends of operations that count as errors here.", ["miss"]),
    "would_have": (
        "A profile: count the calls that it would have refused, hurried, shed or retried.",
        "latency",
    ),
    "last_call": ("Keep the outcome of each thread's and task's last call, for last_call().", True),
}
"""``telemetry``."""

LINT: Final[Entries] = {
    "ignore": (
        "A finding's id, and the reason why it is no mistake here.",
        {"AR008": "nodes of this cluster never pause; measured for a month"},
    ),
}
"""``lint``."""
