"""Probing: asks one seed directly why no client could use it."""

from __future__ import annotations

import socket
import ssl
import struct
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from ..clients.contract.connecting import Trouble
from ..concurrency import threads
from ..model.duration_text import duration_text
from .host import Host
from .settings import NEEDS_LOGIN, Description

_HEADER: Final = struct.Struct(">Q")
_INFO: Final = (2 << 56) | (1 << 48)
"""Version 2, type 1: an info request; the lower 48 bits are the length."""

_LENGTH: Final = (1 << 48) - 1
_MOST: Final = 1 << 20

_NOT_AUTHENTICATED: Final = "ERROR:80"


class Said(NamedTuple):
    """What a seed said.

    Attributes:
        text: for people.
        trouble: what keeps a client from using it; empty if nothing is seen.
        answered: whether it spoke the protocol.
    """

    text: str
    trouble: Trouble = ""
    answered: bool = False

    @property
    def usable(self) -> bool:
        """Whether nothing is seen that keeps a client from using it."""
        return self.answered and not self.trouble


class Probes:
    """Asks all seeds at once, each in a thread of its own.

    A seed for which no thread can be started is asked by whoever waits for the answers.

    Args:
        description: the cluster.
        until: until when, in seconds on the monotonic clock.
    """

    def __init__(self, description: Description, until: float) -> None:
        self._description = description
        self._until = until
        self._started = time.monotonic()
        self._hosts: Sequence[Host] = description.value("hosts")
        self._said: dict[int, Said] = {}
        self._threads = [
            threads.start(self._ask, number, host, name="aerospike-resilience-probe")
            for number, host in enumerate(self._hosts)
        ]

    def wait(self) -> Mapping[str, Said]:
        """Return what each seed said, by its address, at the latest when the time is over."""
        for number, thread in enumerate(self._threads):
            if thread is None:
                self._ask(number, self._hosts[number])
            else:
                thread.join(max(0.0, self._until - time.monotonic()))
        silent = duration_text(round(1000 * max(self._until - self._started, 0.001)))
        nothing = Said(f"did not answer within {silent}", "unreachable")
        return {
            host.address: self._said.get(number, nothing) for number, host in enumerate(self._hosts)
        }

    def _ask(self, number: int, host: Host) -> None:
        self._said[number] = ask(host, self._description, self._until)


def ask(host: Host, description: Description, until: float) -> Said:
    """Return what a seed says, by the time `until` on the monotonic clock."""

    def left_s() -> float:
        return max(0.001, until - time.monotonic())

    try:
        connection = socket.create_connection((host.name, host.port), timeout=left_s())
    except socket.gaierror as error:
        return Said(f"the name cannot be resolved: {error.strerror}", "unreachable")
    except TimeoutError:
        return Said("did not answer: no connection in time", "unreachable")
    except OSError as error:
        if isinstance(error, ConnectionRefusedError):
            return Said("refused the connection: nothing listens on that port", "unreachable")
        return Said(f"cannot be reached: {error.strerror or error}", "unreachable")
    with connection:
        try:
            if description.value("tls"):
                return _ask_with_tls(connection, host, description, left_s)
            return _ask_plainly(connection, host, description, left_s)
        except TimeoutError:
            return Said("accepted the connection, and did not answer in time", "unreachable")
        except OSError as error:
            return Said(f"broke the connection: {error.strerror or error}", "unreachable")


def _ask_with_tls(connection: Any, host: Host, description: Description, left_s: Any) -> Said:
    name = host.tls_name or description.value("tls_name") or host.name
    try:
        context = ssl.create_default_context(cafile=description.value("ca_file"))
        if certificate := description.value("client_cert_file"):
            context.load_cert_chain(certificate, description.value("client_key_file"))
    except (OSError, ValueError) as error:
        return Said(f"was not asked, as the certificates cannot be used: {error}", "tls")
    connection.settimeout(left_s())
    try:
        with context.wrap_socket(connection, server_hostname=name) as encrypted:
            return _understood(_info(encrypted, left_s), description)
    except ssl.SSLCertVerificationError as error:
        return Said(
            f"TLS: its certificate was not accepted for {name!r}: {error.verify_message}", "tls"
        )
    except TimeoutError:
        raise
    except ssl.SSLError as error:
        if "WRONG_VERSION" in str(error.reason) or isinstance(error, ssl.SSLEOFError):
            return Said("TLS: does not speak TLS on that port", "tls")
        return Said(f"TLS: {error.reason or error}", "tls")
    except OSError as error:
        text = "TLS: broke the connection, as what does not speak TLS does"
        return Said(f"{text} ({error.strerror or error})", "tls")


def _ask_plainly(connection: Any, host: Host, description: Description, left_s: Any) -> Said:
    try:
        answer = _info(connection, left_s)
    except TimeoutError:
        raise
    except (OSError, ValueError):
        if _speaks_tls(host, left_s):
            return Said("TLS: speaks TLS on that port, and none is described", "tls")
        return Said("closed the connection: it speaks another protocol", "unreachable")
    return _understood(answer, description)


def _speaks_tls(host: Host, left_s: Any) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host.name, host.port), timeout=left_s()) as connection,
            context.wrap_socket(connection, server_hostname=host.tls_name or host.name),
        ):
            return True
    except ssl.SSLError as error:
        return "CERTIFICATE_REQUIRED" in str(error.reason)
    except OSError:
        return False


def _info(connection: Any, left_s: Any) -> dict[str, str]:
    """Return the answer to an info request for the node's name and the cluster's."""
    asked = b"node\ncluster-name\n"
    connection.settimeout(left_s())
    connection.sendall(_HEADER.pack(_INFO | len(asked)) + asked)
    (head,) = _HEADER.unpack(_read(connection, _HEADER.size, left_s))
    length = head & _LENGTH
    if head >> 48 != _INFO >> 48 or length > _MOST:
        raise ValueError("not the protocol")
    lines = _read(connection, length, left_s).decode(errors="replace").splitlines()
    return dict(line.split("\t", 1) for line in lines if "\t" in line) or {"": " ".join(lines)}


def _read(connection: Any, length: int, left_s: Any) -> bytes:
    found = b""
    while len(found) < length:
        connection.settimeout(left_s())
        part = connection.recv(length - len(found))
        if not part:
            raise ConnectionResetError("closed")
        found += part
    return found


def _understood(answer: Mapping[str, str], description: Description) -> Said:
    mode = description.value("auth_mode")
    if any(_NOT_AUTHENTICATED in text for pair in answer.items() for text in pair):
        if mode is None:
            return Said(
                "answered that a login is needed, and none is described",
                "credentials",
                answered=True,
            )
        return Said("answered, and wants a login", "", answered=True)
    name, wanted = answer.get("cluster-name", ""), description.value("cluster_name")
    who = f"node {answer.get('node', '?')} of cluster {name or 'null'!r}"
    if wanted is not None and name != wanted:
        return Said(f"is {who}, not of {wanted!r}", "cluster_name", answered=True)
    if mode in NEEDS_LOGIN:
        return Said(
            f"is {who}; it answers without a login: security is off there", "", answered=True
        )
    return Said(f"answered: {who}", "", answered=True)
