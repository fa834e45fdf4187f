"""The adapter of one client: the protocols of all concerns together."""

from __future__ import annotations

from typing import Protocol

from .connection import ConnectionAnswers
from .failures import FailureAnswers
from .operations import OperationAnswers
from .policies import PolicyAnswers


class Adapter(OperationAnswers, PolicyAnswers, FailureAnswers, ConnectionAnswers, Protocol):
    """One client: its operations, its policies, its failures, its connection."""

    name: str
    """The distribution's name, as ``--client`` takes it."""

    def recognises(self, client: object) -> bool:
        """Return whether an object is a client of this kind. Imports nothing."""
        ...
