"""The command: work through what was asked for, print tables and write JSON."""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Final

from . import __doc__ as description
from .comparison import HEADING, compare, lines
from .load import Load
from .nodes import FAULTS, Nodes, RealNodes
from .outcomes import Times
from .surfaces import AWAITED, BLOCKING

CLIENTS: Final = (*BLOCKING, *AWAITED)


def main() -> None:
    """Work through what was asked for, print tables and write JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.at_load", description=description)
    parser.add_argument("--client", choices=CLIENTS, action="append", help="repeatable")
    parser.add_argument("--fault", choices=FAULTS, action="append", help="repeatable")
    parser.add_argument("--profile", default="latency")
    parser.add_argument("--rounds", type=int, default=1, help="of bare and wrapped each")
    parser.add_argument("--rate", type=float, default=Load().rate, help="calls a second")
    parser.add_argument("--threads", type=int, default=Load().threads)
    parser.add_argument("--tasks", type=int, default=Load().tasks)
    parser.add_argument("--writes", type=float, default=Load().writes, help="the share of writes")
    parser.add_argument("--tend-ms", type=int, default=0, help="the client's tend_interval")
    parser.add_argument(
        "--tend-timeout-ms", type=int, default=0, help="how long a request of its tends may take"
    )
    parser.add_argument("--fault-s", type=float, default=Times().fault)
    parser.add_argument("--after-s", type=float, default=Times().after)
    parser.add_argument(
        "--commit-master", action="store_true", help="on_replica_open: commit_master"
    )
    parser.add_argument("--only", choices=("bare", "wrapped"))
    parser.add_argument("--errors", action="store_true", help="print what the errors say")
    parser.add_argument("--hosts", help="host:port,… of a real cluster")
    parser.add_argument("--pid", type=int, help="the process of the node to stop or kill")
    parser.add_argument("--restart", default="", help="a command that starts the killed node")
    parser.add_argument("--json", type=Path, default=Path("build/at_load.json"))
    asked = parser.parse_args()
    faults = asked.fault or [one for one in FAULTS[:3] if one != "kill" or not asked.hosts]
    make_nodes: Callable[[], Nodes] = Nodes
    if asked.hosts:
        if "freeze" in faults:
            parser.error("freeze needs all processes of the cluster: it is for the embedded one")
        if asked.pid is None or ("kill" in faults and not asked.restart):
            parser.error("a real cluster needs --pid, and --restart for the fault kill")
        hosts = [(host, int(port)) for host, port in (h.split(":") for h in asked.hosts.split(","))]
        real = RealNodes(hosts, asked.pid, asked.restart)
        make_nodes = lambda: real  # noqa: E731
    overrides = {"breaker": {"on_replica_open": "commit_master"}} if asked.commit_master else None
    found = []
    print(HEADING)
    for client in asked.client or CLIENTS:
        for fault in faults:
            for subject, parts in compare(
                *(client, fault, make_nodes),
                profile=asked.profile,
                rounds=asked.rounds,
                load=Load(asked.rate, asked.writes, asked.threads, asked.tasks),
                times=Times(fault=asked.fault_s, after=asked.after_s),
                tend_ms=asked.tend_ms,
                tend_timeout_ms=asked.tend_timeout_ms,
                overrides=overrides,
                subjects=(asked.only,) if asked.only else ("bare", "wrapped"),
            ):
                found.append(
                    {
                        "client": client,
                        "fault": fault,
                        "subject": subject,
                        "parts": {name: asdict(part) for name, part in parts.items()},
                    }
                )
                for line in lines(client, fault, subject, parts):
                    print(line, flush=True)
                if asked.errors:
                    for name, part in parts.items():
                        for words, count in part.told.items():
                            print(f"    {name}: {count} x {words}")
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    asked.json.write_text(
        json.dumps({"python": platform.python_version(), "runs": found}, indent=1)
    )
    print(f"written to {asked.json}")


if __name__ == "__main__":
    main()
