"""The errors that this library raises.

Every error is a `ResilienceError` and an instance of the fitting builtin. An error on the call path is
also an instance of the client's own class for the case: each adapter combines the classes here with its
client's (``clients/<client>/refusals.py``), so that ``except aerospike.exception.MaxErrorRateExceeded``
keeps working.

Every class can be pickled and copied, with its text, attributes and notes, as errors pass through process
pools, queues and log handlers.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Self


class ResilienceError(Exception):
    """Anything this library raises.

    Attributes:
        client_name: the name of the wrapped client that it concerns; empty if it concerns none.
    """

    client_name: str = ""

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self.args), vars(self).copy()


def _rebuilt(cls: type[ResilienceError], args: tuple[Any, ...]) -> ResilienceError:
    """Return an error without attributes; pickle and copy then set them.

    `__init__` is not called: it takes more than `args` holds. Nor are `args` given to `__new__`: that of
    `OSError`, which `TimeoutError` is, takes two of them for an errno and its text.
    """
    error = cls.__new__(cls)
    error.args = args
    return error


class RefusedError(ResilienceError):
    """A call was not sent, because sending it could not have helped.

    Attributes:
        operation: the method that was called.
        profile: the profile in force.
        in_doubt: whether an earlier attempt of the same operation may have been applied.
    """

    in_doubt: bool = False

    def __init__(self, message: str, *, operation: str, profile: str, **facts: Any) -> None:
        super().__init__(message)
        self._describe(message, {"operation": operation, "profile": profile, **facts})

    @classmethod
    def with_facts(cls, message: str, facts: dict[str, Any]) -> Self:
        """Return the error that the constructor makes of the same attributes.

        It takes a sixth of the constructor's time, as it packs no keywords: while a node is open or a gate
        is full, thousands of these errors are made a second.

        Args:
            message: the error's text.
            facts: its attributes.
        """
        error = cls.__new__(cls)
        error._describe(message, facts)  # noqa: SLF001 - its own
        return error

    def _describe(self, message: str, facts: dict[str, Any]) -> None:
        """Take text and attributes."""
        self.args = (message,)
        self.__dict__.update(facts)


class CircuitOpenError(RefusedError):
    """The node that the operation needs is open, and no other can serve it.

    Where the application has imported pybreaker, it is a `pybreaker.CircuitBreakerError` too
    (`join_pybreaker`).

    Attributes:
        node: the node's name.
        role: the role in which the operation needs it: ``master`` or ``replica``.
        state: its state: ``open``, ``half-open`` or ``isolated``.
        open_for_s: how long it has been in that state, in seconds.
        retry_after_s: the time until it may be probed, in seconds; None while it is isolated.
        reason: which errors opened it.
    """

    node: str
    role: str
    state: str
    open_for_s: float
    retry_after_s: float | None
    reason: str

    def __new__(cls, *args: Any, **_facts: Any) -> Self:
        """Create the error, a copy or an unpickled one, as a pybreaker error too."""
        if sys.modules.get("pybreaker") is not _joined:
            join_pybreaker()
        return super().__new__(cls, *args)


_joined: ModuleType | None = None
"""The pybreaker whose error `CircuitOpenError` is."""


def join_pybreaker() -> None:
    """Make `CircuitOpenError` a `pybreaker.CircuitBreakerError` too, if the process has imported pybreaker.

    This does not import pybreaker. An application that catches pybreaker's class has imported it. For all
    others it would be by far the slowest import, as it imports redis where that is installed.
    """
    global _joined
    pybreaker = sys.modules.get("pybreaker")
    theirs = getattr(pybreaker, "CircuitBreakerError", None)  # it may be half imported
    if theirs is not None:
        if not issubclass(CircuitOpenError, theirs):
            CircuitOpenError.__bases__ = (RefusedError, theirs)
        _joined = pybreaker


join_pybreaker()


class BackpressureError(RefusedError):
    """No permit came free in time: too many operations at once.

    Attributes:
        limit: the gate's limit when the call gave up.
        waited_s: how long it waited, in seconds.
        reason: ``timeout``, ``deadline``, ``closed`` or ``shed``.
    """

    limit: int
    waited_s: float
    reason: str


class DeadlineExceededError(RefusedError, TimeoutError):
    """The deadline passed, or would pass, before the operation could be tried.

    Attributes:
        deadline_s: the operation's whole time, in seconds.
    """

    deadline_s: float


class ClientClosedError(ResilienceError, RuntimeError):
    """The client is closed."""


class ForkedClientError(ResilienceError, RuntimeError):
    """The client was connected before the process forked, and cannot be shared with the parent."""


class NotAClientError(ResilienceError, TypeError):
    """The object is not an Aerospike client that this library knows."""


class AlreadyWrappedError(ResilienceError, TypeError):
    """The client is wrapped already."""


class NotWrappedError(ResilienceError, TypeError):
    """The object is not a wrapped client."""


class IsolationError(ResilienceError, RuntimeError):
    """A node cannot be isolated, or cannot be released, under the profile in force."""


class UnknownNodeError(ResilienceError, LookupError):
    """The cluster has no node of that name."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a policy file, or in settings given in code.

    Attributes:
        where: the file, or the argument in code (``overrides=``).
        line: the line, from 1; 0 where there are no lines.
        column: the column, from 1; 0 where there are no lines.
        key: the path of keys, ``breaker.max_error_rate``; empty if it concerns the whole file.
        message: what is wrong, and how to correct it.
    """

    where: str
    line: int
    column: int
    key: str
    message: str

    def __str__(self) -> str:
        place = f"{self.where}:{self.line}:{self.column}" if self.line else self.where
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


class PolicyFileError(ResilienceError, ValueError):
    """A policy file, or settings given in code, cannot be used. None of it is in force.

    Attributes:
        problems: all mistakes, in the order of the file.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class ClientConfigError(ResilienceError, ValueError):
    """The description of a cluster cannot be used. Nothing was connected.

    Attributes:
        problems: all mistakes.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class UnsupportedSettingError(ResilienceError, ValueError):
    """A setting of the description is beyond the client, and beyond this library for that client.

    Attributes:
        settings: the settings' names.
        client: the client, as `connect()` takes it.
    """

    def __init__(self, message: str, *, settings: Sequence[str], client: str) -> None:
        super().__init__(message)
        self.settings = tuple(settings)
        self.client = client


class ConnectError(ResilienceError, ConnectionError):
    """No seed could be used. The client's own exception is the cause (``__cause__``).

    Attributes:
        client: the client, as `connect()` takes it.
        said: what each seed said, by ``host:port``.
        waited_s: how long the connect took, in seconds.
    """

    def __init__(
        self, message: str, *, client: str, said: Mapping[str, str], waited_s: float = 0.0
    ) -> None:
        super().__init__(message)
        self.client = client
        self.said = dict(said)
        self.waited_s = waited_s


class UnreachableClusterError(ConnectError):
    """No seed answered, or none of the nodes that a seed named."""


class WrongClusterError(ConnectError):
    """The seeds belong to a cluster of another name."""


class RefusedCredentialsError(ConnectError):
    """The cluster did not accept the login, or needs one, or cannot be sent one safely."""


class TlsError(ConnectError):
    """TLS failed: the certificate, its name, or only one side speaks TLS."""


class UnknownProfileError(ResilienceError, LookupError):
    """There is no policy file of that name.

    Attributes:
        name: the requested name.
        known: the existing names.
    """

    def __init__(self, message: str, *, name: str, known: Sequence[str]) -> None:
        super().__init__(message)
        self.name = name
        self.known = tuple(known)
