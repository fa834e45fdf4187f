"""Attempt policy: the fields of a native policy that the chain decides for one attempt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias


class AttemptPolicy(NamedTuple):
    """The fields of a native policy that the chain decides for one attempt.

    Attributes:
        total_timeout_ms: the time of all tries together, in milliseconds; 0 for no limit.
        socket_timeout_ms: the time of each try, in milliseconds; 0 for no limit.
        max_retries: how many further tries the client makes by itself.
        commit_master: whether a write is committed on its master alone.
        leave_master: whether a read may begin at any replica. Without it some clients try a node that
            refuses connections again, instead of the next one.
    """

    total_timeout_ms: int
    socket_timeout_ms: int
    max_retries: int
    commit_master: bool = False
    leave_master: bool = False


Tailor: TypeAlias = Callable[[str, Mapping[str, Any], AttemptPolicy], Any]
"""An adapter's ``tailor``: makes a native policy from family, policy fields and `AttemptPolicy`."""
