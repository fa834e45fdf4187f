"""A real Redis, where one is installed."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess

import pytest
import redis

from tests.waiting import until


class Redis:
    """A redis-server of the test's own, on a port that the system chose."""

    def __init__(self, directory) -> None:
        self._directory = directory
        self.port = 0
        self._clients: list[redis.Redis] = []
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if not self.port:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
        self._process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""],
            cwd=self._directory,
            stdout=subprocess.DEVNULL,
        )
        client = redis.Redis(port=self.port)

        def answers() -> bool:
            try:
                return client.ping()
            except redis.RedisError:
                return False

        until(answers)
        client.close()

    def stop(self) -> None:
        self.resume()
        while self._clients:
            self._clients.pop().close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stall(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def client(self) -> redis.Redis:
        """A client of it, closed when the server stops."""
        found = redis.Redis(port=self.port)
        self._clients.append(found)
        return found

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"


@pytest.fixture
def redis_server(tmp_path):
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed (Debian: apt-get install redis-server)")
    server = Redis(tmp_path)
    server.start()
    yield server
    server.stop()
