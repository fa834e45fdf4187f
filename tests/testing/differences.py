"""What of the embedded cluster differs from a Community Edition 8.1.2 server, and why.

The conformance test allows exactly what stands here, and `docs/not-a-server.md` has the table of it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Departure:
    """One difference.

    Attributes:
        matter: What it is about.
        server: What the server does.
        local: What the embedded cluster does.
        why: The reason.
        exchanges: Pattern of the recorded exchanges that do not match for it, file and label.
        info: Pattern of the info commands whose values are not compared for it.
        without_lua: Whether it holds only where the package lupa is not installed.
    """

    matter: str
    server: str
    local: str
    why: str
    exchanges: str = ""
    info: str = ""
    without_lua: bool = False


DEPARTURES = (
    # What is not there
    Departure(
        "persistence",
        "records on devices or in files survive a restart",
        "memory only; `restart()` begins empty, and the others send the records",
        "tests want a clean start; `snapshot()` keeps data",
    ),
    Departure(
        "eviction by memory",
        "evicts and stops writes by memory and disk thresholds",
        "`stop_writes()` and `set-config` switch the refusal (8) on",
        "a test must not depend on the machine's memory",
    ),
    Departure(
        "XDR, backup, LDAP itself",
        "ships records, asks directories",
        "info commands are refused (25); `external_users=` is the directory",
        "no client of an application speaks to them",
    ),
    Departure(
        "logins, TLS, racks, strong consistency",
        "refused by Community Edition",
        "there if asked for (`users=`, `tls=`, `racks=`, `strong=`)",
        "clients have code for them that needs a test",
    ),
    # Queries
    Departure(
        "order of rows in pages",
        "up to its threads",
        "by partition and digest: a page may have other records, all pages have the same",
        "which records come first is up to the server's threads",
        exchanges=r".*:(scan|query):.*pag.*",
    ),
    Departure(
        "building an index",
        "takes time, a query meanwhile is refused (203)",
        "ready at once, or after `index_build=`",
        "tests want no waiting; who tests it says how long",
    ),
    Departure(
        "a background job without a limit",
        "changes 10,000 records a second at most",
        "changes as many as it can; `records_per_second` holds",
        "tests want no waiting",
    ),
    Departure(
        "parts of an aggregation",
        "one result a thread",
        "one result a node; their sum is the same",
        "how many parts a node sends is up to the server's threads",
        exchanges=r"c_scanquery:query:aggregate",
    ),
    Departure(
        "geo cells",
        "covers regions with cells, and sends those of a point",
        "compares with each point; the same points are found",
        "cells mean something to the server alone",
    ),
    Departure(
        "truncation",
        "answers, then removes in the background",
        "removes before it answers, or `truncate_delay=` later",
        "tests want no waiting; who tests it says how long",
    ),
    # Connections
    Departure(
        "a client that half-closes",
        "answers or drops what it sent",
        "answers",
        "the server answers or drops such a request, both were seen",
        exchanges=r"raw_single:half-close",
    ),
    # Nodes
    Departure(
        "a node that resumes",
        "first answers from its old map, and applies writes that piled up, in any order",
        "first asks the others whether it still belongs to the cluster; drops writes whose clients gave up",
        "an acknowledged write must not be lost to a stale one: a test could not rely on anything",
    ),
    Departure(
        "time and load",
        "many threads, devices, a network",
        "one thread a node on loopback, no device",
        "see [what it holds](#size-and-speed)",
    ),
    # Lua
    Departure(
        "Lua",
        "runs until the request's timeout; an aggregation works record by record",
        "half a second and 64 MB; an aggregation takes all records of a node at once",
        "a node has one thread, which must not hang",
    ),
    Departure(
        "UDFs without the extra `lua`",
        "runs them",
        "stores modules, and fails to run them (100)",
        "there is no Lua",
        exchanges=r".*:.*(apply|aggregate|udf).*|.*_batch:batch(_write)?:mixed",
        without_lua=True,
    ),
    Departure(
        "reads of what a UDF wrote",
        "finds it",
        "does not",
        "reads what a Lua function wrote",
        exchanges=r".*_batch:batch_read:1000-keys.*",
        without_lua=True,
    ),
    # Values of info commands
    Departure(
        "addresses",
        "its own",
        "its own",
        "ports are chosen by the system",
        info=r"service.*|peers-.*|alumni-.*|services.*|endpoints",
    ),
    Departure(
        "generations",
        "its own",
        "its own",
        "counts what happened to this cluster",
        info=r".*-generation",
    ),
    Departure(
        "`cluster-stable`",
        "its key",
        "another key",
        "the cluster key is made up anew with each membership",
        info=r"cluster-stable.*",
    ),
    Departure(
        "`statistics`, `namespace`, `latencies`, `get-config`, `histogram` and the like",
        "hundreds of figures",
        "those that clients and this library read",
        "samples of a server's inner life",
        info=r"statistics|namespace/.*|get-(config|stats).*|latencies.*|histogram.*|smd-.*|debug-.*|"
        r"dump-.*|user-agents|release|build_.*|feature.*|log.*|health-.*|"
        r"compatibility-id|help|best-practices|objects|partition-info|connection|jemalloc.*|mesg",
    ),
    Departure(
        "`sets`",
        "bytes in its memory",
        "bytes as records are counted for `max-record-size`",
        "sizes in memory are the server's own",
        info=r"sets.*",
    ),
    Departure(
        "`sindex-stat`",
        "its index's size and build time",
        "counts only",
        "sizes and build times are the server's own",
        info=r"sindex(-stat.*|/test/.*)",
    ),
    Departure(
        "`udf-list`",
        "a hash over module and more",
        "SHA-1 of the module",
        "the server's hash of a module is over more than its text",
        info=r"udf-list",
    ),
    Departure(
        "`truncate` with a time",
        "refuses a time in the future",
        "the same",
        "the recorded time was in the future and now is in the past",
        info=r"truncate.*lut=.*",
    ),
)


def table():
    """Return the differences as a table in Markdown."""
    rows = [f"| {each.matter} | {each.server} | {each.local} | {each.why} |" for each in DEPARTURES]
    return "\n".join(
        ["| | Community Edition 8.1.2 | `LocalCluster` | why |", "|---|---|---|---|", *rows, ""]
    )
