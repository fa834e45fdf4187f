"""State sharing: which storage nodes' states are shared through, as a reload may name another."""

from __future__ import annotations

from ..concurrency.notices import Notices
from ..concurrency.weakly import weakly
from ..nodes import ClusterHealth, SharedStates, StorageFactory
from ..profiles import Profile


class StateSharing:
    """One client's sharing of nodes' states with other workers.

    Args:
        storage: the application's own storages; None where it has none.
        health: the state of its nodes.
        notices: starts a new sharing once the change that brings it has taken effect.

    Attributes:
        in_force: the sharing; None where the profile has no storage.
    """

    def __init__(
        self, storage: StorageFactory | None, health: ClusterHealth, notices: Notices
    ) -> None:
        self._storage = storage
        self._health = health
        self._notices = notices
        self.in_force: SharedStates | None = None

    def wanted(self, profile: Profile) -> SharedStates | None:
        """Return the sharing through the application's storage, or through the one the profile names."""
        origin, now = self._storage or profile.breaker.storage, self.in_force
        if origin is None or (now is not None and origin == now.origin):
            return None if origin is None else now
        return SharedStates(origin, self._health, profile.tend_interval_s)

    def adopt(self, sharing: SharedStates | None) -> None:
        """Put a sharing in force, in place of the one before."""
        before, health = self.in_force, self._health
        if sharing is before:
            return
        if before is not None:
            before.stop()
        self.in_force = sharing
        health.follow_fleet(lambda _node: None)
        health.registry.on_transition = lambda _node, _old, _new: None
        if sharing is not None:
            health.registry.on_transition = weakly(sharing.tell)
            self._notices.note(sharing.start)

    def start(self) -> None:
        """Start what is in force, unless it runs."""
        if self.in_force is not None:
            self.in_force.start()

    def stop(self) -> None:
        """Stop what is in force."""
        if self.in_force is not None:
            self.in_force.stop()
