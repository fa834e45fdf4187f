"""Starts, signals, queries and ends the processes of an embedded cluster."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import signal
import tempfile
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .controller import ClusterError, SupervisorProcess
from .counters import SharedCounters, size_for
from .local_node import NodeHandle
from .server.settings import NodeSettings


class Fleet:
    """The nodes' processes and what they share.

    Args:
        names: The nodes' names.
        common: The settings they have in common.
        port: The first node's port, and those above it the other nodes'; None for any.

    Attributes:
        handles: Node name to its process.
    """

    def __init__(
        self, names: tuple[str, ...], common: dict[str, Any], port: int | None = None
    ) -> None:
        self.handles = {name: NodeHandle() for name in names}
        self._common = common
        self._port = port
        self._supervisor: SupervisorProcess | None = None
        self._shared: SharedCounters | None = None
        self._cleanup: Callable[[], object] = lambda: None

    @property
    def runs(self) -> bool:
        """Whether it was started and not ended."""
        return self._supervisor is not None

    @property
    def supervisor(self) -> SupervisorProcess:
        """The process that starts the nodes.

        Raises:
            ClusterError: It does not run.
        """
        if self._supervisor is None:
            raise ClusterError(
                "this LocalCluster does not run; use it in a with block or start() it"
            )
        return self._supervisor

    @property
    def counters(self) -> SharedCounters:
        """The memory in which the nodes count.

        Raises:
            ClusterError: It does not run.
        """
        if self._shared is None:
            raise ClusterError(
                "this LocalCluster does not run; use it in a with block or start() it"
            )
        return self._shared

    def start(self) -> None:
        """Start all nodes, as one cluster that has just been made.

        Raises:
            ClusterError: It runs already, or a node did not start.
        """
        if self.runs:
            raise ClusterError("this LocalCluster runs already; make another, or stop() it")
        # Not closed here: the nodes map the one and lock the other as long as they live.
        file = tempfile.TemporaryFile(prefix="aerospike-resilience-")  # noqa: SIM115
        lock = tempfile.NamedTemporaryFile(prefix="aerospike-resilience-")  # noqa: SIM115
        file.truncate(size_for(len(self.handles)))
        self._shared = SharedCounters(file.fileno(), len(self.handles))
        racks = sorted((self._common["racks"] or {}).items())
        self._supervisor = SupervisorProcess(
            file.fileno(),
            len(self.handles),
            (sorted(self.handles), self._common["replication_factor"], racks),
        )
        self._cleanup = weakref.finalize(
            self, _clean_up, self._supervisor, [file, lock], os.getpid()
        )
        try:
            for settings in self._first_settings(lock.name):
                self.launch(settings)
        except BaseException:
            self.stop()
            raise

    def _first_settings(self, lock_path: str) -> list[NodeSettings]:
        names = list(self.handles)
        fixed = [] if self._port is None else [self._port + n for n in range(len(names))]
        ports = self.supervisor.reserve(2 * len(names), fixed)
        incarnation = time.time_ns() // 1_000_000
        token = secrets.token_bytes(32)
        lua = _lua_path()
        roster = {name: (ports[2 * n + 1], ports[2 * n], name) for n, name in enumerate(names)}
        return [
            NodeSettings(
                name=name,
                index=number,
                incarnation=incarnation,
                alias=name,
                port=ports[2 * number],
                fabric_port=ports[2 * number + 1],
                roster=roster,
                token=token,
                lock_path=lock_path,
                lua_path=lua,
                bootstrap=dict.fromkeys(names, incarnation),
                **self._common,
            )
            for number, name in enumerate(names)
        ]

    def stop(self) -> None:
        """End all nodes; the second time does nothing."""
        for handle in self.handles.values():
            handle.ended()
        self._cleanup()
        if self._shared is not None:
            self._shared.close()
        self._shared = None
        self._supervisor = None

    def launch(self, settings: NodeSettings) -> None:
        """Start a node's process."""
        answer = self.supervisor.ask({"do": "start", "settings": settings.pack()})
        self.handles[settings.name].started(settings, answer["pid"])

    def relaunch(self, name: str, **changes: Any) -> None:
        """Start a node's process again, with some settings changed."""
        old = self.handles[name].settings
        incarnation = max(time.time_ns() // 1_000_000, old.incarnation + 1)
        packed = old.pack() | {"incarnation": incarnation, "bootstrap": None} | changes
        self.launch(NodeSettings.unpack(packed))

    def reserve_port(self) -> int:
        """Return a port that nobody else gets."""
        ports: list[int] = self.supervisor.ask({"do": "reserve"})["ports"]
        return ports[0]

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a node's process."""
        self.supervisor.ask({"do": "signal", "name": name, "signal": int(number)})
        if number == signal.SIGKILL:
            self.handles[name].ended()

    def ask_all(self, *command: Any) -> dict[str, Any]:
        """Send a command to all nodes that can hear it; returns their answers by name."""
        answers = {name: handle.ask(*command) for name, handle in self.handles.items()}
        return {name: answer for name, answer in answers.items() if answer is not None}


def _lua_path() -> str:
    """Return the directory that has the package lupa; the nodes look for no packages of their own."""
    found = importlib.util.find_spec("lupa")
    return str(Path(found.origin).parent.parent) if found and found.origin else ""


def _clean_up(supervisor: SupervisorProcess, files: list[Any], owner: int) -> None:
    # A fork of the test process must not end the cluster of its parent.
    if os.getpid() != owner:
        return
    supervisor.close()
    for file in files:
        with contextlib.suppress(OSError):
            file.close()
