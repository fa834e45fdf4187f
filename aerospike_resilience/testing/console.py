"""Faults as lines of text, for the shell: `stall A1`, `inject latency=20ms op=get share=0.5`."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any, Final

from .cluster import LocalCluster
from .faults import seconds
from .injected import InjectedFault
from .local_node import LocalNode
from .snapshot import Snapshot

HELP: Final = """\
stall NODE | resume NODE | kill NODE | restart NODE
inject [node=A1] [op=get] [latency=20ms] [code=DEVICE_OVERLOAD] [answer=drop|half|garbage|reset|close]
       [applied=no] [namespace=test] [set=demo] [share=0.5] [count=10] [refuse=yes]
       [max_connections=N] [leave=yes] [migrate_slowly=50ms]
clear [NUMBER]     end one fault or all
faults             what is in force, and how often it struck
nodes              the nodes and their state
requests           requests seen, by node and operation
wait               until the nodes agree and migrations are over
sleep DURATION     before the next line (in a file)
clock DURATION     move the nodes' clocks on
save FILE          all records, indexes and UDF modules, to a file
load FILE          back from a file; everything else is gone
quit"""

_NUMBERS: Final[dict[str, Callable[[str], Any]]] = {
    "share": float,
    "count": int,
    "max_connections": int,
}
_SWITCHES: Final = ("applied", "refuse", "leave")
_TEXTS: Final = ("node", "op", "latency", "code", "answer", "namespace", "set", "migrate_slowly")


class Console:
    """Runs commands, given as lines of text, on a cluster.

    Args:
        cluster: The cluster.
        sleep: How to wait.
    """

    def __init__(self, cluster: LocalCluster, sleep: Callable[[float], None]) -> None:
        self._cluster = cluster
        self._sleep = sleep
        self._faults: dict[int, InjectedFault] = {}
        self._next = 1

    def run(self, line: str) -> str | None:
        """Run one line.

        Args:
            line: The line; empty ones and `#` comments do nothing.

        Returns:
            What to show, or None to end.

        Raises:
            ValueError: It is not a command; the message lists the commands.
        """
        words = shlex.split(line, comments=True)
        if not words:
            return ""
        name, *rest = words
        if name in ("quit", "exit"):
            return None
        if name in ("stall", "resume", "kill", "restart"):
            return self._to_node(name, rest)
        commands: dict[str, Callable[[list[str]], str]] = {
            "inject": self._inject,
            "clear": self._clear,
            "faults": self._show_faults,
            "nodes": self._show_nodes,
            "requests": self._show_requests,
            "wait": self._wait,
            "sleep": self._pause,
            "clock": self._clock,
            "save": self._save,
            "load": self._load,
            "help": lambda _: HELP,
        }
        command = commands.get(name)
        if command is None:
            raise ValueError(f"unknown command {name!r}; there are:\n{HELP}")
        return command(rest)

    def _to_node(self, name: str, words: list[str]) -> str:
        if len(words) != 1:
            names = ", ".join(node.name for node in self._cluster.nodes)
            raise ValueError(f"{name} which node? There are {names}")
        action: Callable[[str], None] = getattr(self._cluster, name)
        action(words[0])
        return _line(self._cluster.node(words[0]))

    def _inject(self, words: list[str]) -> str:
        arguments: dict[str, Any] = {}
        for word in words:
            key, _, value = word.partition("=")
            if key in _NUMBERS:
                arguments[key] = _NUMBERS[key](value)
            elif key in _SWITCHES:
                arguments[key] = value.lower() in ("yes", "true", "1", "on")
            elif key in _TEXTS and value:
                arguments[key] = int(value) if key == "code" and value.isdigit() else value
            else:
                known = ", ".join((*_TEXTS, *_NUMBERS, *_SWITCHES))
                raise ValueError(f"inject takes name=value of: {known}; not {word!r}")
        fault = self._cluster.inject(**arguments)
        number = self._next
        self._next += 1
        self._faults[number] = fault
        return f"fault {number} is in force"

    def _clear(self, words: list[str]) -> str:
        if not words:
            self._faults.clear()
            self._cluster.clear_faults()
            return "no fault is in force"
        for word in words:
            fault = self._faults.pop(int(word), None) if word.isdigit() else None
            if fault is None:
                raise ValueError(f"there is no fault {word}; `faults` shows those in force")
            fault.clear()
        return f"cleared {', '.join(words)}"

    def _show_faults(self, _: list[str]) -> str:
        lines = [f"{n}: {fault} struck {fault.hits}" for n, fault in self._faults.items()]
        return "\n".join(lines) or "no fault is in force"

    def _show_nodes(self, _: list[str]) -> str:
        return "\n".join(map(_line, self._cluster.nodes))

    def _show_requests(self, _: list[str]) -> str:
        lines = []
        for node in self._cluster.nodes:
            counted = self._cluster.counters(node)
            seen = {name: c.seen for name, c in counted.operations.items() if c.seen}
            shown = " ".join(f"{name}={count}" for name, count in seen.items())
            lines.append(f"{node.name}  connections={counted.connections_open}  {shown}")
        return "\n".join(lines)

    def _wait(self, _: list[str]) -> str:
        self._cluster.wait_until_stable()
        return "the nodes agree"

    def _pause(self, words: list[str]) -> str:
        self._sleep(seconds(" ".join(words)))
        return ""

    def _save(self, words: list[str]) -> str:
        path, snapshot = _file("save", words), self._cluster.snapshot()
        snapshot.save(path)
        return f"{len(snapshot)} records are in {path}"

    def _load(self, words: list[str]) -> str:
        snapshot = Snapshot.load(_file("load", words))
        self._cluster.restore(snapshot)
        return f"{len(snapshot)} records are back"

    def _clock(self, words: list[str]) -> str:
        self._cluster.advance_clock(" ".join(words))
        return "the clocks are moved on"


def _file(name: str, words: list[str]) -> str:
    if len(words) != 1:
        raise ValueError(f"{name} takes one file")
    return words[0]


def _line(node: LocalNode) -> str:
    return f"{node.name}  {node.host}:{node.port}  {node.state}"
