"""One connect: checked, planned, run, and the client wrapped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..clients.connectors import connector
from ..clients.contract.connecting import Connector
from ..errors import ConnectError
from ..model.duration_text import milliseconds
from ..model.durations import ms_to_s
from ..model.identity import ClientIdentity
from ..model.secret import Secret, SecretFile
from ..model.wording import shown
from ..profiles import PolicyLibrary, Profile
from ..profiles.overrides import copied
from ..profiles.starting import Start, start
from ..wrapping.being_connected import CREATING, SEED
from ..wrapping.wrap import resilient
from . import client_config
from .definition import ClusterDefinition
from .lifecycle import Life, lively
from .mapping import ConnectionPlan, planned
from .opening import opened, opened_async, reach_peers, reach_peers_async
from .options import for_resilient
from .settings import AuthMode, Description, Given
from .text import from_environment, from_url
from .troubles import external_without_tls
from .waiting import Attempts, Reconnector, until_connected, until_connected_async

DEFAULT_CLIENT: Final = "aerospike"
DEFAULT_PROFILE: Final = "latency"


@dataclass(frozen=True, slots=True)
class Job:
    """One connect, checked as far as it can be before the first packet.

    Attributes:
        start: the profile that was asked for, and the one to begin with.
    """

    description: Description
    connector: Connector
    start: Start
    options: Mapping[str, Any]
    allow_unsupported: bool
    wait_s: float

    @property
    def profile(self) -> Profile:
        """The profile to begin with."""
        return self.start.profile

    def planned(self) -> ConnectionPlan:
        """Return what the client will be given."""
        return planned(
            self.description,
            self.connector,
            self.profile,
            overrides=self.options.get("overrides"),
            allow_unsupported=self.allow_unsupported,
        )

    def run(self, plan: ConnectionPlan) -> Any:
        """Return a blocking client, connected and wrapped."""
        self._refuse_external()
        if self._goes_on_later(plan):
            try:
                bare, later = opened(plan), False
            except ConnectError:
                bare, later = plan.connector.unconnected(plan.with_password_of_now()), True
        else:
            bare, later = until_connected(lambda: self._opened(plan), self._attempts()), False
        wrapped, life = self._wrapped(bare, plan)
        if later:
            reconnector = self._reconnector(wrapped, life, plan)
            reconnector.start()
        return wrapped

    async def run_async(self, plan: ConnectionPlan) -> Any:
        """Return an awaited client, connected and wrapped."""
        self._refuse_external()
        if self._goes_on_later(plan):
            try:
                bare, later = await opened_async(plan), False
            except ConnectError:
                bare, later = plan.connector.unconnected(plan.with_password_of_now()), True
        else:
            bare = await until_connected_async(lambda: self._opened_async(plan), self._attempts())
            later = False
        try:
            wrapped, life = self._wrapped(bare, plan, discard=False)
        except BaseException:
            await plan.connector.discard_async(bare)
            raise
        if later:
            reconnector = self._reconnector(wrapped, life, plan)
            reconnector.start_async()
        return wrapped

    def _wrapped(
        self, bare: Any, plan: ConnectionPlan, *, discard: bool = True
    ) -> tuple[Any, Life]:
        token = CREATING.set(True)
        seeds = plan.description.value("hosts")
        seed = SEED.set(f"{seeds[0].name}:{seeds[0].port}" if seeds else "")
        try:
            arguments = {**self.options, "overrides": plan.overrides or None}
            wrapped = resilient(bare, self.start.name, **arguments)
        except BaseException:
            if discard:
                plan.connector.discard(bare)
            raise
        finally:
            CREATING.reset(token)
            SEED.reset(seed)
        wrapped.resilience._created_with(plan.explanation)  # noqa: SLF001 - parts of the same house
        log = self._identity(wrapped).log("aerospike_resilience.connection")
        for finding in plan.explanation.findings:
            log.warning("%s", finding)
        return wrapped, lively(wrapped, plan)

    def _opened(self, plan: ConnectionPlan) -> Any:
        bare = opened(plan)
        if self._may_fail():
            try:
                reach_peers(plan, bare)
            except BaseException:
                plan.connector.discard(bare)
                raise
        return bare

    async def _opened_async(self, plan: ConnectionPlan) -> Any:
        bare = await opened_async(plan)
        if self._may_fail():
            try:
                await reach_peers_async(plan, bare)
            except BaseException:
                await plan.connector.discard_async(bare)
                raise
        return bare

    def _goes_on_later(self, plan: ConnectionPlan) -> bool:
        """Return whether we go on connecting: the description wants it, and the client does not do it."""
        return not self._may_fail() and "fail_if_not_connected" not in plan.values

    def _may_fail(self) -> bool:
        """Return whether connecting fails if the cluster cannot be reached."""
        said = self.description.value("fail_if_not_connected")
        if said is None:
            said = self.profile.connection.fail_if_not_connected
        return said is not False

    def _reconnector(self, wrapped: Any, life: Life, plan: ConnectionPlan) -> Reconnector:
        every_s = ms_to_s(plan.values.get("tend_interval", 1000))
        reconnector = Reconnector(wrapped, self._identity(wrapped), every_s)
        life.on_close.append(reconnector.stop)
        return reconnector

    def _identity(self, wrapped: Any) -> ClientIdentity:
        return ClientIdentity(wrapped.resilience.name, self.start.name)

    def _attempts(self) -> Attempts:
        name = self.options.get("name") or self.connector.kind
        return Attempts(self.wait_s, ClientIdentity(name, self.start.name))

    def _refuse_external(self) -> None:
        error = external_without_tls(self.description, self.connector.kind)
        if error is not None:
            raise error


def job(
    definition: Any,
    client: Any,
    profile: Any,
    options: Mapping[str, Any],
    function: str = "connect",
) -> Job:
    """Return a connect, checked as far as it can be before the first packet.

    Args:
        definition: as for `connect()`.
        client: as for `connect()`.
        profile: as for `connect()`.
        options: the keyword arguments.
        function: what was called.
    """
    arguments = for_resilient(function, options)
    try:
        description = described(definition, options.get("password_file"))
    except Exception as error:  # noqa: BLE001 - raised again
        definition = None
        raise error.with_traceback(None)  # noqa: B904 - the same error, without frames that hold it
    definition = None  # it may hold a password, and tools show a frame's variables
    wait = options.get("wait")
    wait_s = 0.0 if wait is None or callable(wait) else ms_to_s(milliseconds(wait))
    found = connector(client or description.client or DEFAULT_CLIENT)
    name = profile or description.profile or DEFAULT_PROFILE
    library = PolicyLibrary.of(arguments.get("policies"))
    if arguments.get("overrides") is not None:
        arguments["overrides"] = copied(arguments["overrides"])
    loaded = start(library, name, arguments.get("broken_profile", "raise"))
    allowed = bool(options.get("allow_unsupported"))
    return Job(description, found, loaded, arguments, allowed, wait_s)


def described(definition: Any, password_file: str | None = None) -> Description:
    """Return a cluster's description, whichever way it is given.

    Raises:
        ClientConfigError: it cannot be used.
        TypeError: it is no description.
    """
    if isinstance(definition, Description):
        return definition
    if definition is None:
        found = from_environment()
    elif isinstance(definition, ClusterDefinition):
        found = definition._described()  # noqa: SLF001 - for the user it has no meaning
    elif isinstance(definition, str):
        found = from_url(definition)
    elif isinstance(definition, Mapping):
        found = client_config.described(definition, password_elsewhere=password_file is not None)
    else:
        kinds = "a ClusterDefinition, a ClientConfig, a URL, or nothing for the environment"
        raise TypeError(f"connect() takes {kinds}, not {shown(definition)}")
    if password_file is not None:
        if not isinstance(password_file, str):
            raise TypeError(f"password_file= is a path, not {shown(password_file)}")
        given = found.settings.get("password")
        if (
            given is not None
            and isinstance(given.value, Secret)
            and given.origin != "password_file="
        ):
            raise ValueError(
                "a password is given, and a password_file= too; one of the two is enough"
            )
        changes = {"password": Given(SecretFile(password_file), "password_file=")}
        if found.value("auth_mode") is None:
            changes["auth_mode"] = Given(AuthMode.INTERNAL, "the default for a user")
        found = found.with_settings(changes)
    return found.checked()
