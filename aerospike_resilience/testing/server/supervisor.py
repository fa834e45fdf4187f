"""The process that starts a cluster's nodes, and ends them when it ends.

It is a fork of the fork server, small and single-threaded, so it can fork: each node is a fork of it,
which makes starting one a matter of milliseconds. It reads commands from its standard input. When the
controller has ended, even by SIGKILL, it ends every node with SIGKILL, which also ends stopped nodes.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import resource
import signal
import socket
import sys
from typing import Any, Final

from . import process
from .readable import readable

_CHECK_S: Final = 0.2
_START_S: Final = 50.0
"""For how long a node may take to start, in seconds: less than the controller waits for our answer.

One that ends is noticed at once.
"""

_PR_SET_PDEATHSIG: Final = 1
_MAX_FILES: Final = 32_768


class Supervisor:
    """Starts, signals and ends nodes.

    Args:
        counters: The file descriptor of the shared counters, which the nodes inherit.
        parent: The fork server's process id.
    """

    def __init__(self, counters: int, parent: int) -> None:
        self._parent = parent
        self._pids: dict[str, int] = {}
        self._reserved: dict[int, socket.socket] = {}
        self._counters = counters
        self._nodes = 0

    def run(self) -> None:
        """Run commands until the controller is gone."""
        buffer = b""
        try:
            while True:
                if not readable(0, _CHECK_S):
                    if os.getppid() != self._parent:
                        return
                    self._reap()
                    continue
                data = os.read(0, 1 << 16)
                if not data:
                    return
                buffer += data
                *lines, buffer = buffer.split(b"\n")
                for line in lines:
                    command = json.loads(line)
                    if command["do"] == "end":
                        return
                    answer = self._answer(command)
                    os.write(1, json.dumps(answer).encode() + b"\n")
        finally:
            self._end_all()

    def _answer(self, command: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._carry_out(command)
        except OSError as error:
            return {"error": str(error)}

    def _carry_out(self, command: dict[str, Any]) -> dict[str, Any]:
        do = command["do"]
        self._reap()
        if do == "init":
            self._nodes = command["nodes"]
            fixed = iter(command["fixed"])
            return {
                "ports": [
                    self._reserve(0 if number % 2 else next(fixed, 0))
                    for number in range(command["ports"])
                ]
            }
        if do == "reserve":
            return {"ports": [self._reserve()]}
        if do == "start":
            return self._start(command["settings"])
        if do == "signal":
            pid = self._pids.get(command["name"])
            if pid is None:
                return {"error": "not running"}
            os.kill(pid, command["signal"])
            if command["signal"] == signal.SIGKILL:
                os.waitpid(pid, 0)
                del self._pids[command["name"]]
            return {}
        return {"running": self._pids}

    def _reserve(self, wanted: int = 0) -> int:
        """Bind a port and keep it bound, so that no other process gets it while its node is dead."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", wanted))
        except (OSError, OverflowError) as error:
            sock.close()
            raise OSError(f"port {wanted} cannot be used: {error}") from error
        port: int = sock.getsockname()[1]
        self._reserved[port] = sock
        return port

    def _start(self, settings: dict[str, Any]) -> dict[str, Any]:
        if sys.platform != "linux":
            # Only Linux lets a node listen on a port that we hold as well.
            for port in (settings["port"], settings["fabric_port"]):
                self._reserved[port].close()
        ready, tell = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._become_node(settings, ready, tell)
        os.close(tell)
        self._pids[settings["name"]] = pid
        try:
            text = (
                os.read(ready, 4096).decode()
                if readable(ready, _START_S)
                else "did not start in time"
            )
        finally:
            os.close(ready)
        return {"pid": pid} if text == "ready" else {"error": text or "ended while starting"}

    def _become_node(self, settings: dict[str, Any], ready: int, tell: int) -> None:
        code = 1
        try:
            os.close(ready)
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, 0)
            os.dup2(null, 1)
            die_with_parent()
            for sock in self._reserved.values():
                sock.close()
            process.run(settings, self._counters, self._nodes, tell)
            code = 0
        except BaseException as error:  # noqa: BLE001 - a fork must not return into the loop
            with contextlib.suppress(OSError):
                os.write(tell, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(code)

    def _reap(self) -> None:
        for name, pid in list(self._pids.items()):
            try:
                ended, _ = os.waitpid(pid, os.WNOHANG)
            except OSError as error:
                if error.errno != errno.ECHILD:
                    raise
                ended = pid
            if ended:
                del self._pids[name]

    def _end_all(self) -> None:
        for pid in self._pids.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in self._pids.values():
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def die_with_parent() -> None:
    """Make the kernel end this process when its parent ends, if the system can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def run(counters: int, parent: int) -> None:
    """Run a supervisor.

    Args:
        counters: The file descriptor of the shared counters.
        parent: The fork server's process id.
    """
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_FILES if hard == resource.RLIM_INFINITY else min(_MAX_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    Supervisor(counters, parent).run()
