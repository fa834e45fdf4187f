"""The process that forks the supervisors of embedded clusters.

A process that starts clusters has one of these. It has imported all that supervisors and nodes need, so a
cluster starts in the time of a few forks. It is single-threaded. When the process that started it has
ended, even by SIGKILL, it ends too; its supervisors notice that, and end with their nodes.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import json
import os
import signal
import socket
import sys
from typing import Any, Final

from . import supervisor
from .partitions import replica_lists
from .readable import readable

CHECK_S: Final = 0.2
DESCRIPTORS: Final = 5
"""What comes with a request: standard input, output and error, the counters, the working directory."""


class ForkServer:
    """Forks supervisors on request.

    Args:
        requests: The connection to the process that started it.
    """

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        self._parent = os.getppid()

    def run(self) -> None:
        """Fork supervisors until the process that started it is gone."""
        while True:
            ready = readable(self._requests, CHECK_S)
            self._reap()
            if not ready:
                if os.getppid() != self._parent:
                    return
                continue
            line, files = self._receive()
            if not line:
                return
            try:
                pid = self._fork(json.loads(line), files)
            except OSError as error:  # no memory or no process left; the clusters there are go on
                pid = -(error.errno or errno.EAGAIN)
            finally:
                for file in files:
                    os.close(file)
            self._requests.sendall(b"%d\n" % pid)

    def _receive(self) -> tuple[bytes, list[int]]:
        line, files = b"", list[int]()
        while not line.endswith(b"\n"):
            data, more, _, _ = socket.recv_fds(self._requests, 1 << 16, DESCRIPTORS)
            if not data:
                return b"", []
            line += data
            files += more
        return line, files

    def _fork(self, request: dict[str, Any], files: list[int]) -> int:
        members, factor, racks = request["map"]
        replica_lists(tuple(members), factor, tuple((name, rack) for name, rack in racks))
        gc.freeze()  # the forks do not look through what is there by now when they collect garbage
        own = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become_supervisor(own, request, files)
        return pid

    def _become_supervisor(self, parent: int, request: dict[str, Any], files: list[int]) -> None:
        code = 1
        try:
            os.setsid()
            self._requests.close()
            stdin, stdout, stderr, counters, folder = files
            for number, file in enumerate((stdin, stdout, stderr)):
                os.dup2(file, number)
                os.close(file)
            with contextlib.suppress(OSError):  # it was removed
                os.fchdir(folder)
            os.close(folder)
            if request["cores"]:
                os.sched_setaffinity(0, request["cores"])
            supervisor.run(counters, parent)
            code = 0
        except BaseException as error:  # noqa: BLE001 - a fork must not return into the loop
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
        finally:
            os._exit(code)

    @staticmethod
    def _reap() -> None:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def main() -> None:
    """Run the fork server on standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    gc.enable()  # its import disabled it
    gc.collect()
    ForkServer(requests).run()
