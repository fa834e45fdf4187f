"""``client.resilience``: this library's own methods on a wrapped client, behind one attribute."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Never, get_args

from .. import ambient
from ..ambient import Using
from ..errors import NotWrappedError, ResilienceError
from ..model.connection_explanation import ConnectionExplanation
from ..model.operation import Criticality
from ..model.outcome import Outcome
from ..model.traffic import Traffic
from ..model.wording import shown, suggestion
from ..nodes import report
from ..profiles import Explanation, Profile, Reload
from ..profiles.library import check_name
from ..profiles.overrides import copied
from ..runtime.engine import Engine
from ..runtime.snapshot import snapshot
from .explanation import explanation
from .invoke import invoke
from .mistakes import refuse_unknown
from .traffic import observed

if TYPE_CHECKING:
    from ..live import LiveASGI, LiveServer, LiveWSGI


class Resilience:
    """Inspects and controls one wrapped client."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: ConnectionExplanation | None = None

    def _created_with(self, connection: ConnectionExplanation) -> None:
        """Note how `connect()` created the client."""
        self._connection = connection
        for one in connection.values:
            if one.setting == "max_conns_per_node" and isinstance(one.value, int):
                self._engine.shared.max_conns_per_node = one.value

    def __repr__(self) -> str:
        return f"<resilience of client {self.name!r}, profile {self.profile.name!r}>"

    @property
    def name(self) -> str:
        """The client's name in log lines, metrics and errors."""
        return self._engine.identity.name

    def _through_chain(
        self, name: str, method: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """Send an operation through its chain, with another method at the chain's end."""
        engine = self._engine
        operation = engine.shared.adapter.operations[name]
        return invoke(
            engine, operation, args, kwargs, engine.shared.adapter.sender(method, operation)
        )

    @property
    def profile(self) -> Profile:
        """The profile in force."""
        return self._engine.runtime.profile

    @property
    def nodes(self) -> dict[str, Any]:
        """Every node's state by name, as in ``snapshot()["nodes"]``."""
        return report(self._engine.shared.health)

    def explain(self, operation: str, *, set: str | None = None) -> Explanation:  # noqa: A002 - Aerospike's word
        """Return each policy field's value for an operation, where it comes from, and what is sent.

        What is sent is the policy of a first attempt: see `Explanation.sent`. Where the client's own
        dynamic configuration decides, the value and the origin are its own.

        Args:
            operation: a method of the client, ``query`` or ``scan``.
            set: ``namespace.set`` or ``namespace``, where the profile has options for sets.

        Raises:
            ValueError: the client has no such operation, or the cluster no such namespace.
        """
        return explanation(self._engine, operation, set)

    def explain_connection(self) -> ConnectionExplanation:
        """Return each setting of the connection, where it comes from, and what the client was given.

        Raises:
            RuntimeError: `connect()` did not create the client, so its settings are unknown.
        """
        if self._connection is None:
            raise RuntimeError(
                f"client {self.name!r} was created by the application and not by connect(), so where its "
                "settings come from is not known; explain_connection(definition) shows what connect() does"
            )
        return self._connection

    def snapshot(self) -> dict[str, Any]:
        """Return the state of everything as plain values, ready for JSON."""
        return snapshot(self._engine)

    def traffic(self, seconds: float | str = 5.0) -> Traffic:
        """Observe the client's calls for some seconds, and return their shape: no key and no value.

        ``traffic().write("traffic.json")`` is what ``policy rehearse --traffic`` takes. It blocks for that
        long; in an event loop use ``await asyncio.to_thread(client.resilience.traffic)``. Meanwhile each
        call passes one more interceptor and the general chain, which costs some microseconds.

        Args:
            seconds: for how long: a number of seconds, or text with a unit (``"500ms"``).

        Returns:
            Rates by operation and set, sizes, concurrency and the nodes' answer times.

        Raises:
            RuntimeError: this thread runs an event loop, or the protection has ended.
            ValueError: `seconds` is no positive duration.
        """
        return observed(self._engine, seconds)

    def last_call(self) -> Outcome | None:
        """Return the outcome of this thread's or task's last call, also if it went well.

        Kept only under a profile with ``telemetry: {last_call: true}``.

        Returns:
            The outcome; None if this thread or task made no call yet.

        Raises:
            RuntimeError: the profile in force keeps none.
        """
        if not self.profile.telemetry.last_call:
            raise RuntimeError(
                f"profile {self.profile.name!r} of client {self.name!r} keeps no last call; set "
                "telemetry: {last_call: true}"
            )
        return self._engine.shared.recorder.last()

    def isolate(self, node: object, *, reason: str | None = None) -> None:
        """Keep writes, and reads that only the master may answer, away from a node until `release`.

        An order about a name, not a verdict: it holds in the breaker's mode ``shadow`` too, over reloads,
        and when the node has left and comes back. Under mode ``off`` it has no effect until the next mode.

        Args:
            node: the node's name, or an object that has it as ``name``.
            reason: why, for errors, snapshots and whoever finds it isolated.

        Raises:
            TypeError: it is neither, or `reason` is no text.
            UnknownNodeError: the client knows no node of that name. Also a `LookupError`.
            IsolationError: the breaker's mode is ``off``. Also a `RuntimeError`.
        """
        if reason is not None and not isinstance(reason, str):
            raise TypeError(f"reason= is text, not {shown(reason)}")
        name = _name(node)
        self._engine.shared.health.isolate(name, reason or "")
        self._by_hand(name, "not isolated", "isolated")

    def release(self, node: object) -> None:
        """Let calls go again to a node that was isolated by hand.

        Args:
            node: the node's name, or an object that has it as ``name``.

        Raises:
            TypeError: it is neither.
            UnknownNodeError: the client knows no node of that name. Also a `LookupError`.
            IsolationError: the profile isolates it too (``breaker.isolate``), or an order to the whole
                fleet (``aerospike-resilience node isolate``), so it stays isolated: a single process that
                differs from the others would be hard to find. Also a `RuntimeError`.
        """
        name = _name(node)
        self._engine.shared.health.release(name)
        self._by_hand(name, "isolated", "not isolated")

    def _by_hand(self, node: str, before: str, after: str) -> None:
        engine = self._engine
        engine.trail.by_hand(engine.identity.profile, self.profile, f"node {node}", before, after)

    def reload(self) -> Reload:
        """Read the profile's files again now, and return what changed."""
        return self._engine.reload()

    def using(
        self,
        profile: str | None = None,
        *,
        overrides: Mapping[str, Any] | None = None,
        idempotent: bool | None = None,
        criticality: Criticality | None = None,
        **unknown: Never,
    ) -> AbstractContextManager[None]:
        """Switch what holds for this client inside a ``with`` block, for this thread or task.

        Args:
            profile: another profile's name. Its policy and retry hold for the block; gate and
                breaker are the client's own and stay as they are.
            overrides: settings over it, in the shape of a policy file.
            idempotent: whether writes may be sent again after they may have been applied; None asks
                the rules.
            criticality: which calls are served first when calls wait for the gate: ``critical``,
                ``default`` or ``sheddable``, which does not wait where others do; None for ``default``.
            unknown: there are no others; a policy file's settings go into `overrides`.

        Raises:
            TypeError: there is no such keyword, or `profile` is no text.
            ValueError: `criticality` is none of these.
            UnknownProfileError: there is no such profile. Also a `LookupError`.
            PolicyFileError: its file, or `overrides`, is broken. Also a `ValueError`.
        """
        if unknown:
            refuse_unknown("using", unknown, ("overrides", "idempotent", "criticality"))
        if criticality is not None and criticality not in get_args(Criticality):
            known = suggestion(criticality, get_args(Criticality))
            raise ValueError(f"there is no criticality {shown(criticality)}{known}")
        if profile is not None:
            check_name(profile)
        using = Using(profile, copied(overrides, "using()"), idempotent, criticality)
        try:
            self._engine.runtime_for(using)  # raises here, not at the first call
        except ResilienceError as error:
            error.client_name = self.name
            error.add_note(f"aerospike-resilience: in using() of client {self.name!r}")
            raise
        return ambient.switched(id(self._engine), using)

    def serve(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        port: int | None = None,
        token: str | None = None,
        allow: Iterable[str] = (),
    ) -> LiveServer:
        """Serve what this client is doing to ``aerospike-resilience top``, a browser or curl.

        Without arguments it opens a unix socket that only this user can connect to, in a directory where
        ``top`` finds it. It ends with the protection. A forked child serves nothing until it calls this
        itself.

        Args:
            path: the unix socket's path.
            port: listen on this port of 127.0.0.1 instead; 0 for one that the system chooses.
            token: what readers of that port must show; None for a new random one.
            allow: the orders that are obeyed: ``isolate``, ``release``, ``reload``. None by default.

        Raises:
            TypeError: `allow` is text.
            ValueError: both `path` and `port`, a path that is too long, an empty token, or `allow` names
                something else.
            FileExistsError: the path is served already, or there is a file of another kind.
            OSError: the path or the port cannot be used.
            ResilienceError: the client is closed, or no thread can be started.
        """
        from ..live import LiveServer, default_path

        if path is not None and port is not None:
            raise ValueError("serve() takes a path or a port, not both")
        if self._engine.closed:
            raise self._engine.identity.error(ResilienceError, "the client is closed")
        where = default_path(self.name) if path is None and port is None else path
        server: LiveServer | None = None

        def gone(_watched: object) -> None:
            if server is not None:
                server.end()

        server = LiveServer(
            weakref.ref(self, gone), where or "", port=port, token=token, allow=allow
        )
        self._engine.endables.add(server)
        return server

    def asgi(self, *, allow: Iterable[str] = (), token: str | None = None) -> LiveASGI:
        """Return an ASGI application that serves what `serve` does, to be mounted in the application's own.

        Whoever reaches it reads the state, so it belongs where only operators get to.

        Args:
            allow: the orders that are obeyed: ``isolate``, ``release``, ``reload``. None by default.
            token: what readers must show, besides what the application asks of them; None for nothing.

        Raises:
            TypeError: `allow` is text.
            ValueError: the token is empty, or `allow` names something else.
        """
        from ..live import LiveASGI

        return LiveASGI(weakref.ref(self), allow=allow, token=token)

    def wsgi(self, *, allow: Iterable[str] = (), token: str | None = None) -> LiveWSGI:
        """Return a WSGI application that serves what `serve` does, to be mounted in the application's own.

        Whoever reaches it reads the state, so it belongs where only operators get to.

        Args:
            allow: the orders that are obeyed: ``isolate``, ``release``, ``reload``. None by default.
            token: what readers must show, besides what the application asks of them; None for nothing.

        Raises:
            TypeError: `allow` is text.
            ValueError: the token is empty, or `allow` names something else.
        """
        from ..live import LiveWSGI

        return LiveWSGI(weakref.ref(self), allow=allow, token=token)

    def close(self) -> None:
        """End the protection; the client itself stays open and usable.

        Calls go straight to it from now on, and those that wait for a permit too. It waits for questions
        to nodes that are under way, but not in a thread that runs an event loop.
        """
        self._engine.close()


def resilience(client: object) -> Resilience:
    """Return ``client.resilience`` of a wrapped client, in a way that type checkers understand.

    Args:
        client: what `resilient()` returned.

    Raises:
        NotWrappedError: the client is not wrapped. Also a `TypeError`.
    """
    found = getattr(client, "resilience", None)
    if not isinstance(found, Resilience):
        raise NotWrappedError(
            f"this {type(client).__name__} is not wrapped: resilience() takes what resilient() returned; "
            "the client that resilient() was given stays as it was"
        )
    return found


def _name(node: object) -> str:
    name = node if isinstance(node, str) else getattr(node, "name", None)
    if not isinstance(name, str):
        raise TypeError(f"a node's name is needed, or a node, not {shown(node)}")
    return name
