"""The controller's side of the connections: the supervisor's pipe and the nodes' control ports."""

from __future__ import annotations

import contextlib
import json
import marshal
import os
import select
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Final

from .server.fabric import CONTROL, encode

ANSWER_TIMEOUT_S: Final = 10.0


class ClusterError(RuntimeError):
    """The embedded cluster cannot do what was asked; the message says what to do."""


class SupervisorProcess:
    """The process that starts the nodes.

    Args:
        counters: The file descriptor of the shared counters, which the nodes inherit.
        nodes: How many nodes the counters have room for.
    """

    def __init__(self, counters: int, nodes: int) -> None:
        self._lock = threading.Lock()
        self._buffer = b""
        self._owner = os.getpid()
        program = Path(__file__).parent / "server" / "__main__.py"
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(counters,),
            start_new_session=True,
            bufsize=0,
        )
        self._counters = counters
        self._nodes = nodes

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def reserve(self, ports: int) -> list[int]:
        """Make the supervisor reserve ports."""
        command = {"do": "init", "counters": self._counters, "nodes": self._nodes, "ports": ports}
        result: list[int] = self.ask(command)["ports"]
        return result

    def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        """Send a command and return the answer.

        Raises:
            ClusterError: It failed, or the supervisor is gone.
        """
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        with self._lock:
            try:
                process.stdin.write(json.dumps(command).encode() + b"\n")
                while b"\n" not in self._buffer:
                    ready, _, _ = select.select([process.stdout], [], [], ANSWER_TIMEOUT_S)
                    data = os.read(process.stdout.fileno(), 1 << 16) if ready else b""
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
            raise ClusterError(f"cannot {command['do']} node {subject}: {answer['error']}")
        return answer

    def close(self) -> None:
        """End it, and with it every node."""
        process = self._process
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        if os.getpid() != self._owner:
            return
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


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
