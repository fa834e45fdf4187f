"""Places: where sockets are, how one is opened so that only its owner can use it, and which there are."""

from __future__ import annotations

import os
import re
import socket
import stat
import tempfile
from pathlib import Path
from typing import Final

from ..errors import ResilienceError

LONGEST: Final = 100
"""The longest path of a unix socket, in bytes: the least that operating systems allow, rounded down."""

BACKLOG: Final = 16

_UNFIT: Final = re.compile(r"[^A-Za-z0-9._-]+")


def directory() -> Path:
    """Return the directory of this user's sockets: in ``XDG_RUNTIME_DIR``, or the temporary directory."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime:
        return Path(runtime) / "aerospike-resilience"
    return Path(tempfile.gettempdir()) / f"aerospike-resilience-{os.getuid()}"


def default_path(client: str) -> Path:
    """Return where a client of this process is served unless the application says otherwise.

    Raises:
        ResilienceError: the directory is not this user's alone.
    """
    where = directory()
    where.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = where.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ResilienceError(
            f"{where} is not a directory that only this user can use (mode 0700), so no socket is opened "
            "there; give serve() a path"
        )
    _remove_of_dead_processes(where)
    return where / f"{os.getpid()}-{_UNFIT.sub('_', client)[:40]}.sock"


def open_unix(path: Path) -> socket.socket:
    """Return a unix socket that listens and that only this user can connect to.

    A socket that a process left behind is replaced; one that is served is not.

    Raises:
        ValueError: the path is too long for a unix socket.
        FileExistsError: a process serves it, or there is a file of another kind.
        OSError: the path cannot be used.
    """
    if len(os.fsencode(path)) > LONGEST:
        raise ValueError(f"{path} is too long for a unix socket: at most {LONGEST} bytes")
    if os.path.lexists(path):
        _remove_left_behind(path)
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        opened.bind(str(path))
        path.chmod(0o600)  # nobody can connect before it listens
        opened.listen(BACKLOG)
    except BaseException:
        opened.close()
        raise
    return opened


def open_loopback(port: int) -> socket.socket:
    """Return a TCP socket that listens on 127.0.0.1.

    Args:
        port: 0 for one that the system chooses.
    """
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(("127.0.0.1", port))
        opened.listen(BACKLOG)
    except BaseException:
        opened.close()
        raise
    return opened


def is_served(path: Path) -> bool:
    """Return whether a process listens on a unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def served() -> list[Path]:
    """Return the sockets in this user's directory on which a process listens."""
    return [path for path in sorted(directory().glob("*.sock")) if is_served(path)]


def _remove_of_dead_processes(where: Path) -> None:
    """Remove the sockets of processes that were killed, which nobody else would."""
    for path in where.glob("*-*.sock"):
        number = path.name.partition("-")[0]
        if number.isdigit() and not _lives(int(number)) and not is_served(path):
            path.unlink(missing_ok=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _remove_left_behind(path: Path) -> None:
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise FileExistsError(f"{path} exists and is no socket")
    if is_served(path):
        raise FileExistsError(f"{path} is served already, by this process or another one")
    path.unlink(missing_ok=True)
