"""The controller's side of the fork server: one a process, started with its first cluster."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Final

from .server.readable import readable

_PROGRAM: Final = Path(__file__).parent / "server" / "__main__.py"
_TIMEOUT_S: Final = 60.0
"""As for all answers: see `controller.ANSWER_TIMEOUT_S`."""


class ForkServer:
    """Starts this process's fork server when it is first needed, and asks it for supervisors.

    A forked child does not use its parent's: it starts one of its own.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def fork(self, files: list[int], request: dict[str, Any]) -> int:
        """Return the process id of a new supervisor.

        Args:
            files: What becomes its standard input, output and error, the counters, its working directory.
            request: What else it needs to know.

        Raises:
            OSError: It cannot be started.
        """
        with self._lock:
            if self._process is not None:
                with contextlib.suppress(ConnectionError):  # somebody ended it
                    return self._ask(files, request)
                self._end()
            self._start()
            return self._ask(files, request)

    def close(self) -> None:
        """End it. The next request starts another one."""
        with self._lock:
            self._end()

    def _start(self) -> None:
        self._requests, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_PROGRAM)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )

    def _ask(self, files: list[int], request: dict[str, Any]) -> int:
        requests = self._requests
        assert requests is not None
        socket.send_fds(requests, [json.dumps(request).encode() + b"\n"], files)
        answer = b""
        while not answer.endswith(b"\n"):
            data = requests.recv(64) if readable(requests, _TIMEOUT_S) else b""
            if not data:
                raise BrokenPipeError("the fork server does not answer")
            answer += data
        pid = int(answer)
        if pid < 0:
            raise OSError(-pid, os.strerror(-pid))
        return pid

    def _end(self) -> None:
        process, self._process = self._process, None
        if self._requests is not None:
            self._requests.close()
        if process is not None:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _forget(self) -> None:
        self._lock = threading.Lock()
        if self._process is not None:
            self._process.returncode = 0  # it is no child of this process, and none to warn about
        if self._requests is not None:
            self._requests.close()
        self._process = self._requests = None


FORK_SERVER: Final = ForkServer()

atexit.register(FORK_SERVER.close)
