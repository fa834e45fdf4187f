"""The controller's side of the connections: the supervisor's pipe and the nodes' control ports."""

from __future__ import annotations

import contextlib
import json
import marshal
import os
import signal
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from .fork_server import FORK_SERVER
from .server.fabric import CONTROL, encode
from .server.readable import readable

FirstMap: TypeAlias = tuple[list[str], int, list[tuple[str, int]]]
"""Of which members, with which replication factor and racks."""

ANSWER_TIMEOUT_S: Final = 60.0
"""For how long an answer is waited for, in seconds. A process that ended is noticed at once, so this is for
one that was stopped from outside. A busy machine may keep one from running for many seconds."""


class ClusterError(RuntimeError):
    """The embedded cluster cannot do what was asked; the message says what to do."""


class SupervisorProcess:
    """The process that starts the nodes.

    Args:
        counters: The file descriptor of the shared counters, which the nodes inherit.
        nodes: How many nodes the counters have room for.
        first_map: The arguments of the first partition map: members, replication factor, racks.
    """

    def __init__(self, counters: int, nodes: int, first_map: FirstMap) -> None:
        self._lock = threading.Lock()
        self._buffer = b""
        self._owner = os.getpid()
        self._nodes = nodes
        folder, null = _working_directory(), os.open(os.devnull, os.O_WRONLY)
        stdin, self._commands = os.pipe()
        self._answers, stdout = os.pipe()
        try:
            self._pid = FORK_SERVER.fork(
                [stdin, stdout, _errors(null), counters, folder],
                {"map": first_map, "cores": _cores()},
            )
        except OSError as error:
            self._close_streams()
            raise ClusterError(
                f"cannot start the embedded cluster's supervisor: {error}"
            ) from error
        finally:
            for file in (stdin, stdout, folder, null):
                os.close(file)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._pid

    def reserve(self, ports: int, fixed: Sequence[int] = ()) -> list[int]:
        """Make the supervisor reserve ports; every other one is of `fixed`, as long as there are some.

        Raises:
            ClusterError: One of `fixed` is taken.
        """
        command = {"do": "init", "nodes": self._nodes, "ports": ports, "fixed": list(fixed)}
        result: list[int] = self.ask(command)["ports"]
        return result

    def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        """Send a command and return the answer.

        Raises:
            ClusterError: It failed, or the supervisor is gone.
        """
        with self._lock:
            try:
                self._send(command)
                while b"\n" not in self._buffer:
                    ready = readable(self._answers, ANSWER_TIMEOUT_S)
                    data = os.read(self._answers, 1 << 16) if ready else b""
                    if not data:
                        raise BrokenPipeError("no answer")
                    self._buffer += data
            except (OSError, ValueError) as error:
                raise ClusterError(
                    "the embedded cluster's supervisor is gone; start a new LocalCluster "
                    "(what it said is on standard error)"
                ) from error
            line, _, self._buffer = self._buffer.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            subject = command.get("name") or command.get("settings", {}).get("name", "")
            doing = f"{command['do']} node {subject}" if subject else "start the cluster"
            raise ClusterError(f"cannot {doing}: {answer['error']}")
        return answer

    def _send(self, command: dict[str, Any]) -> None:
        data = json.dumps(command).encode() + b"\n"
        while data:
            data = data[os.write(self._commands, data) :]

    def close(self) -> None:
        """End it, and with it every node; the second time does nothing."""
        if self._commands < 0:
            return
        if os.getpid() == self._owner:
            with contextlib.suppress(OSError):
                self._send({"do": "end"})
            if not self._ended_within(5):
                with contextlib.suppress(OSError):
                    os.kill(self._pid, signal.SIGKILL)
                self._ended_within(5)
        self._close_streams()

    def _ended_within(self, timeout_s: float) -> bool:
        """Wait until nobody writes answers any more: it has ended then, and its nodes before it."""
        until = time.monotonic() + timeout_s
        while (left_s := until - time.monotonic()) > 0:
            if readable(self._answers, left_s) and not os.read(self._answers, 1 << 16):
                return True
        return False

    def _close_streams(self) -> None:
        for file in (self._commands, self._answers):
            os.close(file)
        self._commands = self._answers = -1


def _working_directory() -> int:
    """Return a descriptor of the working directory, or of the root if that cannot be read."""
    try:
        return os.open(".", os.O_RDONLY)
    except OSError:
        return os.open("/", os.O_RDONLY)


def _errors(otherwise: int) -> int:
    """Return the descriptor of standard error, or another one if that is closed."""
    try:
        os.fstat(2)
    except OSError:
        return otherwise
    return 2


def _cores() -> list[int]:
    """Return the cores that this process may use; empty where the system does not say."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


class ControlConnection:
    """A connection to one node's control port.

    Args:
        port: The port.
        token: The secret that all processes of this cluster share.
    """

    def __init__(self, port: int, token: bytes) -> None:
        self._lock = threading.Lock()
        self._socket = socket.create_connection(("127.0.0.1", port), ANSWER_TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(token + CONTROL)

    def ask(self, *command: Any, timeout_s: float = ANSWER_TIMEOUT_S) -> Any:
        """Send a command and return the answer.

        Raises:
            OSError: The node is gone or does not answer in time.
        """
        with self._lock:
            self._socket.settimeout(timeout_s)
            self._socket.sendall(encode(command))
            size = int.from_bytes(self._receive(4))
            return marshal.loads(self._receive(size))[0]

    def _receive(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self._socket.recv(size - len(data))
            if not part:
                raise ConnectionResetError("the node closed its control connection")
            data += part
        return data

    def close(self) -> None:
        """Close it."""
        self._socket.close()
