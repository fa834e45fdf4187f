"""What an adapter answers about failures: what an error means, which rows failed, what was written."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from ...errors import BackpressureError, CircuitOpenError, DeadlineExceededError
from ...model.failure import Failure
from ...model.identity import ClientIdentity
from ...model.operation import Operation
from ...model.rows import ExpectedWrite, Rows


class Refusals(NamedTuple):
    """The errors of this library, each combined with the client's own class for the same case."""

    circuit_open: type[CircuitOpenError]
    backpressure: type[BackpressureError]
    deadline: type[DeadlineExceededError]

    def of_client(self, identity: ClientIdentity) -> ClientRefusals:
        """Return what makes these errors with a client's name in message and attributes."""
        return ClientRefusals(
            functools.partial(identity.refusal, self.circuit_open.with_facts),
            functools.partial(identity.refusal, self.backpressure.with_facts),
            functools.partial(identity.refusal, self.deadline.with_facts),
        )


class ClientRefusals(NamedTuple):
    """What makes our errors for one client: called with a message and the error's attributes."""

    circuit_open: Callable[[str, dict[str, Any]], CircuitOpenError]
    backpressure: Callable[[str, dict[str, Any]], BackpressureError]
    deadline: Callable[[str, dict[str, Any]], DeadlineExceededError]


class FailureAnswers(Protocol):
    """How a client's calls fail, and how to find out what a failed write did."""

    reads_back: Mapping[str, str]
    """The method that reads a record, by the method that writes it. Only for writes that are in doubt and
    whose record shows whether they were applied."""

    write_result: Any
    """What the methods in `reads_back` return when the write succeeds."""

    @property
    def refusals(self) -> Refusals:
        """This library's errors as this client's errors. Imports the client at the first use."""
        ...

    def classify(self, error: BaseException, operation: Operation) -> Failure:
        """Return what an error means."""
        ...

    def raised_as(self, error: BaseException) -> type[BaseException]:
        """Return the class of the error that the application gets for an error of the client's."""
        ...

    def rows(self, operation: Operation) -> Rows | None:
        """Return how to read the rows of a batch operation; None if it only fails as a whole."""
        ...

    def expected_write(
        self, arguments: Mapping[str, Any], fields: Mapping[str, Any]
    ) -> ExpectedWrite | None:
        """Return what a conditional write leaves behind; None if its record would not show it.

        Args:
            arguments: the call's arguments by name.
            fields: the policy fields in force.
        """
        ...

    def record(self, result: Any) -> tuple[int, dict[str, Any]]:
        """Return generation and bins of what a read returned."""
        ...
