"""`ClusterDefinition`: a cluster described step by step, with the method names of both SDK versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, Self, Unpack, overload

from ..model.secret import Secret, SecretFile
from ..model.wording import shown
from . import system_settings
from .host import Host
from .settings import AuthMode, Description, Given
from .tls import TlsBuilder, listed

if TYPE_CHECKING:
    from .connected import (
        AerospikeClient,
        AerospikePyAsyncClient,
        AerospikePyClient,
        AsyncNativeClient,
        NativeClient,
        SdkCluster,
        SdkSyncCluster,
    )
    from .opening import Connecting
    from .options import ConnectOptions

SOURCE: Final = "ClusterDefinition"


class ClusterDefinition:
    """Describes a cluster and how to connect to it. Each method returns the definition itself.

    Args:
        hostname: a host name or an IP address, with `port`.
        port: its port.
        hosts: several hosts instead: `Host` objects or tuples.

    Raises:
        ValueError: neither a host nor hosts are given, or both, or one is no host.
    """

    def __init__(
        self,
        hostname: str | None = None,
        port: int | None = None,
        hosts: Sequence[Host | tuple[str, int] | tuple[str, int, str | None]] | None = None,
    ) -> None:
        self._settings: dict[str, Given] = {}
        if hosts is not None and hostname is not None:
            raise ValueError("give (hostname, port) or hosts, not both")
        if hosts is not None:
            if isinstance(hosts, str) or not all(isinstance(one, tuple | list) for one in hosts):
                hint = "Host.parse_hosts() reads a text"
                raise ValueError(f"hosts is a list of Host objects, not {shown(hosts)}; {hint}")
            found = tuple(Host(*one) for one in hosts)
        elif hostname is not None and port is not None:
            found = (Host(hostname, port),)
        else:
            raise ValueError("either (hostname, port) or hosts must be given")
        if not found:
            raise ValueError("hosts is empty; at least one is needed")
        self._give("hosts", hosts=found)

    def with_native_credentials(
        self, user_name: str, password: str | None = None, *, password_file: str | None = None
    ) -> Self:
        """Log in with a user of the cluster's own. Two empty texts switch logging in off.

        Args:
            user_name: the user.
            password: the password.
            password_file: a file that holds the password instead. It is read at every connect.

        Raises:
            TypeError: the user or the password is no text.
            ValueError: password and file are given, or neither.
        """
        return self._login(AuthMode.INTERNAL, user_name, password, password_file)

    def with_external_credentials(
        self, user_name: str, password: str | None = None, *, password_file: str | None = None
    ) -> Self:
        """Log in with a user of an external system, such as LDAP. Connecting fails without TLS.

        Args and errors are those of `with_native_credentials`.
        """
        return self._login(AuthMode.EXTERNAL, user_name, password, password_file)

    def with_external_insecure_credentials(
        self, user_name: str, password: str | None = None, *, password_file: str | None = None
    ) -> Self:
        """Log in with a user of an external system, with or without TLS: the password goes in clear.

        Args and errors are those of `with_native_credentials`.
        """
        return self._login(AuthMode.EXTERNAL_INSECURE, user_name, password, password_file)

    def with_certificate_credentials(self) -> Self:
        """Log in with the client's TLS certificate, and switch TLS on.

        Connecting raises a `ValueError` if a host lacks a TLS name, or there is no client certificate.
        """
        self._forget("user", "password")
        return self._give("with_certificate_credentials", auth_mode=AuthMode.PKI, tls=True)

    @property
    def auth_mode(self) -> AuthMode:
        """How the client logs in."""
        found = self._settings.get("auth_mode")
        return AuthMode.NONE if found is None else found.value

    def validate_cluster_name_is(self, cluster_name: str) -> Self:
        """Connect only to nodes of the cluster of this name."""
        return self._give("validate_cluster_name_is", cluster_name=cluster_name)

    def cluster_name(self, cluster_name: str) -> Self:
        """Connect only to nodes of the cluster of this name."""
        return self._give("cluster_name", cluster_name=cluster_name)

    def app_id(self, app_id: str) -> Self:
        """Name the application, for the server's statistics."""
        return self._give("app_id", app_id=app_id)

    def preferring_racks(self, *racks: int) -> Self:
        """Read from nodes of these racks where they hold the record, in order of preference.

        Without an argument no rack is preferred.
        """
        if not racks:
            self._forget("rack_ids")
            return self
        return self._give("preferring_racks", rack_ids=tuple(racks))

    def using_services_alternate(self, enabled: bool = True) -> Self:
        """Reach nodes at their alternate addresses."""
        return self._give("using_services_alternate", use_services_alternate=enabled)

    def force_single_node(self, enabled: bool = True) -> Self:
        """Talk to the first seed alone. For tests only."""
        return self._give("force_single_node", force_single_node=enabled)

    def with_strict_config(self, strict: bool = True) -> Self:
        """Fail to connect if the SDK's configuration file holds anything unknown."""
        return self._give("with_strict_config", strict_config=strict)

    def fail_if_not_connected(self, fail: bool) -> Self:
        """Say whether connecting fails if the cluster cannot be reached.

        With False the client is returned all the same, and becomes usable when the cluster does.
        """
        return self._give("fail_if_not_connected", fail_if_not_connected=fail)

    def with_ip_map(self, ip_map: Mapping[str, str] | None) -> Self:
        """Reach nodes at other addresses than those they give: ``{given: reachable}``."""
        return self._mapped("with_ip_map", ip_map)

    def ip_map(self, ip_map: Mapping[str, str] | None) -> Self:
        """Reach nodes at other addresses than those they give: ``{given: reachable}``."""
        return self._mapped("ip_map", ip_map)

    def with_system_settings(self, settings: Any) -> Self:
        """Set pool, intervals and the client's own breaker.

        Args:
            settings: a `SystemSettings`, or the SDK's own. Fields that are None stay as they are.
        """
        self._settings.update(system_settings.described(settings))
        return self

    def with_tls_config_of(self) -> TlsBuilder:
        """Switch TLS on, and return the builder that describes it; its ``done()`` returns here."""
        self._give("with_tls_config_of", tls=True)
        return TlsBuilder(self)

    def with_tls_config(
        self,
        *,
        tls_name: str | None = None,
        ca_file: str | None = None,
        client_cert_file: str | None = None,
        client_key_file: str | None = None,
        protocols: Sequence[str] | None = None,
        ciphers: Sequence[str] | None = None,
        for_login_only: bool = False,
    ) -> Self:
        """Switch TLS on, with these settings in place of all earlier ones.

        Raises:
            TypeError: `protocols` or `ciphers` is a text, not a list.
            ValueError: one of them is empty, or only one of certificate and key is given.
        """
        if bool(client_cert_file) != bool(client_key_file):
            raise ValueError("client_cert_file and client_key_file are needed together")
        given: dict[str, Any] = {
            "tls_name": tls_name,
            "ca_file": ca_file,
            "client_cert_file": client_cert_file,
            "client_key_file": client_key_file,
            "protocols": None if protocols is None else listed("protocols", protocols),
            "ciphers": None if ciphers is None else listed("ciphers", ciphers),
            "for_login_only": for_login_only or None,
        }
        self._forget(*given)
        said = {name: value for name, value in given.items() if value is not None}
        return self._give("with_tls_config", tls=True, **said)

    @overload
    def connect(
        self,
        client: Literal["aerospike"] = ...,
        profile: str = ...,
        **options: Unpack[ConnectOptions],
    ) -> AerospikeClient: ...
    @overload
    def connect(
        self, client: Literal["aerospike_py"], profile: str = ..., **options: Unpack[ConnectOptions]
    ) -> AerospikePyClient: ...
    @overload
    def connect(
        self,
        client: Literal["aerospike_py.async"],
        profile: str = ...,
        **options: Unpack[ConnectOptions],
    ) -> Connecting[AerospikePyAsyncClient]: ...
    @overload
    def connect(
        self,
        client: Literal["aerospike_native"],
        profile: str = ...,
        **options: Unpack[ConnectOptions],
    ) -> NativeClient: ...
    @overload
    def connect(
        self,
        client: Literal["aerospike_native.async"],
        profile: str = ...,
        **options: Unpack[ConnectOptions],
    ) -> Connecting[AsyncNativeClient]: ...
    @overload
    def connect(
        self,
        client: Literal["aerospike_sdk"],
        profile: str = ...,
        **options: Unpack[ConnectOptions],
    ) -> Connecting[SdkCluster]: ...
    @overload
    def connect(
        self,
        client: Literal["aerospike_sdk.sync"],
        profile: str = ...,
        **options: Unpack[ConnectOptions],
    ) -> SdkSyncCluster: ...
    def connect(self, client: Any = None, profile: Any = None, **options: Any) -> Any:
        """Connect: `aerospike_resilience.connect` with this definition.

        Returns:
            The connected, wrapped client; for an awaited client what is awaited for it.
        """
        from .connect import connect

        return connect(self, client, profile, **options)

    def _described(self) -> Description:
        """Return the description. It does not change with the definition."""
        return Description(SOURCE, dict(self._settings))

    def __repr__(self) -> str:
        said = ", ".join(f"{name}={given.value!r}" for name, given in self._settings.items())
        return f"ClusterDefinition({said})"

    def _login(self, mode: AuthMode, user: Any, password: Any, password_file: str | None) -> Self:
        if not isinstance(user, str) or not isinstance(password, str | None):
            raise TypeError("user and password are texts")
        if not user and not password and password_file is None:
            self._forget("user", "password", "auth_mode")
            return self
        if not user:
            raise ValueError("a password is given, and no user")
        if (password is None) == (password_file is None):
            raise ValueError("give a password, or a password_file")
        secret: Any = Secret(password) if password is not None else SecretFile(str(password_file))
        method = f"with_{'native' if mode is AuthMode.INTERNAL else mode}_credentials"
        return self._give(method, auth_mode=mode, user=user, password=secret)

    def _mapped(self, method: str, ip_map: Mapping[str, str] | None) -> Self:
        if not ip_map:
            self._forget("ip_map")
            return self
        return self._give(method, ip_map=dict(ip_map))

    def _give(self, method: str, **settings: Any) -> Self:
        origin = f"{SOURCE}.{method}()" if method != "hosts" else SOURCE
        self._settings.update({name: Given(value, origin) for name, value in settings.items()})
        return self

    def _forget(self, *names: str) -> None:
        for name in names:
            self._settings.pop(name, None)
