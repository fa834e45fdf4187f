"""Troubles: turns what a client and the seeds said into the error that `connect()` raises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from ..clients.contract.connecting import Connector, Trouble
from ..errors import (
    ConnectError,
    RefusedCredentialsError,
    TlsError,
    UnreachableClusterError,
    WrongClusterError,
)
from ..model.duration_text import duration_text
from .probe import Said
from .settings import AuthMode, Description

_CLASSES: Final[Mapping[Trouble, type[ConnectError]]] = {
    "": ConnectError,
    "credentials": RefusedCredentialsError,
    "cluster_name": WrongClusterError,
    "tls": TlsError,
    "unreachable": UnreachableClusterError,
}

_HEADS: Final[Mapping[Trouble, str]] = {
    "": "the cluster cannot be used",
    "credentials": "the cluster did not accept the login",
    "cluster_name": "this is another cluster",
    "tls": "TLS failed",
    "unreachable": "the cluster cannot be reached",
}


def connect_error(
    connector: Connector,
    description: Description,
    error: BaseException | None,
    said: Mapping[str, Said],
    waited_s: float,
) -> ConnectError:
    """Return the error for a connect that failed.

    Args:
        connector: the client's connector.
        description: the cluster.
        error: the client's own exception; None if it raised none in time.
        said: what each seed said, by its address.
        waited_s: how long it took, in seconds.
    """
    trouble = _trouble(connector, description, error, said)
    if error is not None and connector.trouble(error) == "unreachable":
        made = peers_error(connector, description, str(error.args[1]).partition(": ")[2], waited_s)
        made.__cause__ = error.with_traceback(None)
        return made
    user = description.value("user")
    texts = {address: one.text for address, one in said.items()}
    if trouble == "credentials" and user is not None:
        texts = {
            address: f"{text}; the login of {user!r} failed" if said[address].answered else text
            for address, text in texts.items()
        }
    lines = [f"  {address}: {text}" for address, text in texts.items()]
    after = duration_text(round(1000 * waited_s))
    head = f"client={connector.kind!r}: {_HEADS[trouble]}, after {after}"
    made = _CLASSES[trouble](
        "\n".join([head, *lines]), client=connector.kind, said=texts, waited_s=waited_s
    )
    if error is not None:
        error.__traceback__ = None  # frames of the client, which hold the password in clear
    made.__cause__ = error or TimeoutError(f"the client had not answered after {after}")
    return made


def peers_error(
    connector: Connector, description: Description, peers: str, waited_s: float
) -> ConnectError:
    """Return the error for a connect whose seeds answer, and none of the nodes that they name."""
    said = {
        host.address: f"answered, and none of the other nodes that it names can be reached: {peers}"
        for host in description.value("hosts")
    }
    hint = "use_services_alternate or ip_map give the nodes other addresses"
    head = f"client={connector.kind!r}: the cluster cannot be reached, but for a seed; {hint}"
    lines = [f"  {address}: {text}" for address, text in said.items()]
    return UnreachableClusterError(
        "\n".join([head, *lines]), client=connector.kind, said=said, waited_s=waited_s
    )


def _trouble(
    connector: Connector,
    description: Description,
    error: BaseException | None,
    said: Mapping[str, Said],
) -> Trouble:
    """Return what the trouble is: by the client, else by most seeds, else by what is left."""
    own: Trouble = "" if error is None else connector.trouble(error)
    seen = Counter(one.trouble for one in said.values() if one.trouble)
    if own == "credentials" or (own and not seen):
        return own
    if any(one.answered for one in said.values()):
        named = [trouble for trouble, _ in seen.most_common() if trouble != "unreachable"]
        if named:
            return named[0]
        if own:
            return own
        login = description.value("auth_mode", AuthMode.NONE) != AuthMode.NONE
        return "credentials" if login else ""
    return seen.most_common(1)[0][0] if seen else own


def external_without_tls(description: Description, kind: str) -> ConnectError | None:
    """Return the error for a password that would go in clear; None where it does not."""
    if description.value("auth_mode") != AuthMode.EXTERNAL or description.value("tls"):
        return None
    said = {host.address: "was not asked" for host in description.value("hosts")}
    head = (
        f"client={kind!r}: external credentials go in clear to the cluster, and TLS is not described; use "
        "with_tls_config_of(), or with_external_insecure_credentials() on a network that you trust"
    )
    lines = [f"  {address}: {text}" for address, text in said.items()]
    return RefusedCredentialsError("\n".join([head, *lines]), client=kind, said=said)
