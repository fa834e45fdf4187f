"""The running nodes' view of the cluster: which nodes own a record, and whether they agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..model.digest import digest_of
from .controller import ClusterError
from .server.partitions import Racks, replica_lists
from .server.records import partition_of

States = dict[str, dict[str, Any]]
Key = int | str | bytes | bytearray


class Ownership:
    """Reads the nodes' states.

    Args:
        ask_all: Sends a command to every running node; returns the answers by node name.
        namespaces: The namespaces there are.
        factor: The replication factor.
        racks: The rack of each node, if there are racks.
    """

    def __init__(
        self,
        ask_all: Callable[..., Mapping[str, Any]],
        namespaces: tuple[str, ...],
        factor: int,
        racks: Racks = (),
    ) -> None:
        self._ask_all = ask_all
        self._namespaces = namespaces
        self._factor = factor
        self._racks = racks

    def states(self) -> States:
        """Return each running node's state.

        Raises:
            ClusterError: None is running.
        """
        states = dict(self._ask_all("state"))
        if not states:
            raise ClusterError("no node is running; resume() or restart() one first")
        return states

    def owners(self, namespace: str, set_name: str | None, key: Key) -> tuple[str, ...]:
        """Return the names of the nodes that hold a record by the current map, master first.

        Raises:
            ValueError: There is no such namespace.
        """
        if namespace not in self._namespaces:
            known = ", ".join(self._namespaces)
            raise ValueError(f"no namespace is called {namespace!r}; there are {known}")
        members = max(self.states().values(), key=lambda state: state["epoch"])["members"]
        lists = replica_lists(tuple(sorted(members)), self._factor, self._racks)
        return lists[partition_of(digest_of(set_name, key))]

    def agreed(self, running: set[str]) -> bool:
        """Return whether the running nodes agree on the cluster's members and are complete."""
        states = self.states()
        return (
            states.keys() == running
            and len({state["epoch"] for state in states.values()}) == 1
            and all(
                state["stable"] and state["settled"] and set(state["members"]) == running
                for state in states.values()
            )
        )
