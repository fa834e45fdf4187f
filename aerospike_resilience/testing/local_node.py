"""A node of the embedded cluster: the object for tests, and the controller's own."""

from __future__ import annotations

from typing import Any, Final, Literal

from .controller import ClusterError, ControlConnection
from .server.settings import NodeSettings

State = Literal["running", "stalled", "killed"]
HOST: Final = "127.0.0.1"


class NodeHandle:
    """A node's process, as the controller stores it. Only `LocalCluster` changes it.

    Attributes:
        settings: The settings of its last start.
        pid: Its process; 0 if it has none.
        state: Whether it runs.
    """

    __slots__ = ("_connection", "pid", "settings", "state")

    def __init__(self) -> None:
        self.settings: NodeSettings
        self.pid = 0
        self.state: State = "killed"
        self._connection: ControlConnection | None = None

    def started(self, settings: NodeSettings, pid: int) -> None:
        """Record that the process runs, and connect to it."""
        self.settings = settings
        self.pid = pid
        self.state = "running"
        self._connection = ControlConnection(settings.fabric_port, settings.token)

    def ended(self) -> None:
        """Record that the process is gone."""
        self.state = "killed"
        self.pid = 0
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def ask(self, *command: Any) -> Any:
        """Send a command and return the answer; None if the node is stalled or killed.

        Raises:
            ClusterError: It runs but does not answer.
        """
        if self.state != "running" or self._connection is None:
            return None
        try:
            return self._connection.ask(*command)
        except OSError as error:
            raise ClusterError(
                f"node {self.settings.name} (pid {self.pid}) does not answer its control port; it "
                "may have been stopped or killed from outside"
            ) from error


class LocalNode:
    """One node of a `LocalCluster`; its attributes are always current.

    Attributes:
        name: Its name, `A1`, `A2` and so on.
        host: Where clients connect.
    """

    __slots__ = ("_handle", "host", "name")

    def __init__(self, name: str, handle: NodeHandle) -> None:
        self.name = name
        self.host = HOST
        self._handle = handle

    @property
    def port(self) -> int:
        """The port clients connect to."""
        return self._handle.settings.port

    @property
    def alias(self) -> str:
        """The node name it shows to clients; other than `name` only after `restart(alias=)`."""
        return self._handle.settings.alias

    @property
    def fabric_port(self) -> int:
        """The port the other nodes connect to."""
        return self._handle.settings.fabric_port

    @property
    def pid(self) -> int:
        """The process id; 0 after `kill()`."""
        return self._handle.pid

    @property
    def state(self) -> State:
        """`running`, `stalled` or `killed`."""
        return self._handle.state

    def __repr__(self) -> str:
        return f"LocalNode({self.name!r}, {self.host}:{self.port}, pid={self.pid}, {self.state})"
