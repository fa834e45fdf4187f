"""What sources do alike when a question fails: tell nodes that did not answer from nodes nobody asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...model.failure import Failure, Fault
from ...model.operation import NotAskedError

Ask = Callable[[str, str, float], str]
"""`NodeSource.info`."""


def check_asked(failure: Failure, error: Exception) -> None:
    """Return if a question that failed reached the node.

    Raises:
        NotAskedError: our own side kept it back.
    """
    if failure.fault is Fault.LOCAL or failure.soft:
        raise NotAskedError(str(error)) from error


def one_by_one(
    ask: Ask, nodes: Sequence[str], command: str, timeout_s: float
) -> dict[str, str | None]:
    """Ask one node after the other; return what `NodeSource.answers` does."""
    found: dict[str, str | None] = {}
    for node in nodes:
        try:
            found[node] = ask(node, command, timeout_s)
        except NotAskedError:
            found[node] = None
        except Exception:  # noqa: BLE001 - whatever is raised, the node did not answer
            continue
    return found
