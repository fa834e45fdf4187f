"""Descriptions of Aerospike's policy fields and scopes."""

from __future__ import annotations

from typing import Final

from .entry import Entries

FIELDS: Final[Entries] = {
    "total_timeout": (
        "How long an operation may take in all, retries, sleeps and queueing included. 0: no limit. A bare "
        "number is in milliseconds.",
        "250ms",
    ),
    "socket_timeout": (
        "How long one try waits for its node's answer. Keep it below total_timeout / (max_retries + 1), "
        "or retries never happen. 0: total_timeout.",
        "80ms",
    ),
    "timeout": ("How long an info or admin command may take.", "1s"),
    "connect_timeout": ("How long opening a connection for a call may take.", "500ms"),
    "timeout_delay": (
        "How long a timed-out connection is kept, to read its late answer and use it again. 0: it is "
        "closed at once.",
        0,
    ),
    "info_timeout": ("How long the info command before a query may take.", "1s"),
    "sleep_between_retries": ("The least that is slept between two tries.", "2ms"),
    "max_retries": (
        "Tries on the wire beyond the first, those inside the client and those of this library together.",
        2,
    ),
    "replica": (
        "Which copy is read. sequence: the master, and at a retry the next replica. master: the master "
        "only. any: each in turn. prefer_rack: a copy in this client's rack first. random: any node.",
        "sequence",
    ),
    "read_mode_ap": (
        "How many copies a read of an available namespace (AP) asks during a migration.",
        "one",
    ),
    "read_mode_sc": ("What a read of a strongly consistent namespace may return.", "session"),
    "key": ("digest: only the key's digest is sent. send: the key is stored with it.", "send"),
    "gen": (
        "Write only if the record's generation is the expected one (eq), or lower (gt).",
        "ignore",
    ),
    "generation": ("The generation that gen compares with.", 1),
    "exists": (
        "What a write does if the record exists, or does not. ignore: create or update.",
        "ignore",
    ),
    "commit_level": (
        "all: a write is answered once it is on every replica. master: once it is on the master.",
        "all",
    ),
    "expected_duration": (
        "How long a query is expected to take, which is how the server runs it.",
        "long",
    ),
    "ttl": (
        "How long a record lives after a write: seconds, text with a unit, or a name such as never.",
        "30d",
    ),
    "compress": (
        "Compress requests above compression_threshold, and ask for compressed answers.",
        True,
    ),
    "compression_threshold": ("The smallest request that is compressed.", "64KiB"),
    "durable_delete": ("A delete leaves a tombstone, so that the record cannot come back.", False),
    "on_locking_only": ("In a transaction: fail if the record is not locked by it already.", False),
    "deserialize": ("Turn stored blobs back into Python objects.", True),
    "read_touch_ttl_percent": (
        "A read renews the time to live if less than this percentage of it is left. 0: as the server says. "
        "-1: never.",
        80,
    ),
    "error_detail_verbosity": (
        "How much a server of 8.2 or later says about an error. 0: its code. 1: a subcode. 2: a message. "
        "3: an expression's trace.",
        2,
    ),
    "concurrent": ("A batch asks all nodes at once, not one after the other.", True),
    "allow_inline": (
        "The server may serve a batch in its transaction threads, if records are in memory.",
        True,
    ),
    "allow_inline_ssd": ("The same for records on flash.", False),
    "respond_all_keys": ("A batch goes on after a row that failed.", True),
    "respond_per_each_op": (
        "operate() answers for each operation, not only for those that read.",
        True,
    ),
    "short_query": ("Use expected_duration: short; older clients' name for it.", False),
    "include_bin_data": ("A query returns bins, not only keys and digests.", True),
    "allow_scans_with_where": (
        "A query with a where clause that no index serves may scan the set.",
        False,
    ),
    "max_records": ("The most records that a query returns. 0: no limit.", 1000),
    "records_per_second": ("The most records a second that each node serves. 0: no limit.", 5000),
    "max_concurrent_nodes": ("How many nodes a query asks at once. 0: all.", 4),
    "record_queue_size": ("How many records a query buffers before its reader takes them.", 1024),
    "send_as_is": ("Send an info request unchanged, without a line break at its end.", True),
    "check_bounds": ("Refuse an info answer that is larger than 1 MiB.", True),
    "xdr": ("Mark writes as those of cross-datacenter replication. For connectors only.", False),
    "retry_delay": ("The same as sleep_between_retries.", "2ms"),
    "send_key": ("The same as key: send.", True),
    "generation_policy": ("The same as gen.", "none"),
    "record_exists_action": ("The same as exists.", "update"),
    "expiration": ("The same as ttl.", "30d"),
    "use_compression": ("The same as compress.", True),
    "read_touch_ttl": ("The same as read_touch_ttl_percent.", 80),
    "concurrency": ("The same as concurrent.", "parallel"),
}
"""Policy fields."""

SCOPES: Final[Entries] = {
    "all": ("Every operation but transactions.", {"total_timeout": "250ms"}),
    "reads": ("Every read: single records, batches, queries.", {"socket_timeout": "40ms"}),
    "reads_ap": ("Reads of available namespaces (AP).", {"read_mode_ap": "all"}),
    "reads_sc": ("Reads of strongly consistent namespaces.", {"read_mode_sc": "linearize"}),
    "reads_point": ("Reads of a single record.", {"max_retries": 3}),
    "reads_batch": ("Batch reads.", {"total_timeout": "500ms"}),
    "reads_query": ("Queries and scans.", {"total_timeout": "30s"}),
    "writes": ("Every write.", {"socket_timeout": "250ms"}),
    "writes_ap": ("Writes to available namespaces (AP).", {"commit_level": "master"}),
    "writes_sc": ("Writes to strongly consistent namespaces.", {"durable_delete": True}),
    "writes_retryable": (
        "Writes that may be applied twice without harm, such as put without a condition.",
        {"max_retries": 1},
    ),
    "writes_non_retryable": (
        "Writes that must not be applied twice, such as increment.",
        {"max_retries": 0},
    ),
    "writes_point": ("Writes of a single record.", {"total_timeout": "300ms"}),
    "writes_batch": ("Batch writes.", {"total_timeout": "500ms"}),
    "writes_query": ("Background jobs: a query or scan that writes.", {"socket_timeout": "30s"}),
    "system_txn_verify": (
        "The reads that check a transaction at its commit. all does not apply to them.",
        {"total_timeout": "10s"},
    ),
    "system_txn_roll": (
        "The writes that end a transaction. all does not apply to them.",
        {"total_timeout": "10s"},
    ),
}
"""Scopes; the more specific one wins."""
