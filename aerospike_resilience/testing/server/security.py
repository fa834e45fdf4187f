"""Users, logins and sessions.

Community Edition has no security; here it exists so that credentials can be tested. Users
are shared metadata. A session token is signed, so every node of the cluster accepts it.

A login is *internal* (the hash of a password), *external* (the password itself, which an external
directory would check) or by *certificate* (nothing but the certificate of the TLS connection,
whose common name is the user).
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Final

from .errors import (
    ERR_EXPIRED_SESSION,
    ERR_INVALID_COMMAND,
    ERR_INVALID_CREDENTIAL,
    ERR_INVALID_PASSWORD,
    ERR_INVALID_ROLE,
    ERR_INVALID_USER,
    ERR_NOT_AUTHENTICATED,
    ERR_QUERY_END,
    ERR_ROLE_VIOLATION,
    ERR_USER_EXISTS,
    OK,
    OpError,
)

if TYPE_CHECKING:
    from .connection import Connection
    from .node import Node

AUTHENTICATE: Final = 0
CREATE_USER: Final = 1
DROP_USER: Final = 2
SET_PASSWORD: Final = 3
CHANGE_PASSWORD: Final = 4
GRANT_ROLES: Final = 5
REVOKE_ROLES: Final = 6
QUERY_USERS: Final = 9
QUERY_ROLES: Final = 16
LOGIN: Final = 20

USER: Final = 0
PASSWORD: Final = 1
OLD_PASSWORD: Final = 2
CREDENTIAL: Final = 3
CLEAR_PASSWORD: Final = 4
SESSION_TOKEN: Final = 5
SESSION_TTL: Final = 6
ROLES: Final = 10
ROLE: Final = 11

_HEADER: Final = 16
ROLE_NAMES: Final = (
    *("read", "write", "read-write", "read-write-udf", "data-admin", "sys-admin"),
    *("user-admin", "truncate", "udf-admin", "sindex-admin"),
)
_MAY_READ: Final = frozenset(("read", "read-write", "read-write-udf"))
_MAY_WRITE: Final = frozenset(("write", "read-write", "read-write-udf"))

Fields = dict[int, bytes]


class Security:
    """Checks logins and permissions.

    Args:
        node: The node.
        users: User to credential and roles at the start; with an empty credential a user logs in
            by certificate only.
    """

    def __init__(self, node: Node, users: dict[str, tuple[str, tuple[str, ...]]]) -> None:
        self._node = node
        self._key = node.settings.token
        self.expired_before_us = 0
        for user, (_, roles) in node.settings.external_users.items():
            node.metadata_store.seed("user", user, ("", tuple(roles)))
        for user, (credential, roles) in users.items():
            node.metadata_store.seed("user", user, (credential, tuple(roles)))

    def allows(self, user: str, *, write: bool) -> bool:
        """Tell whether a user may read or write records."""
        entry = self._node.metadata_store.get("user", user)
        return entry is not None and bool(
            (_MAY_WRITE if write else _MAY_READ).intersection(entry[1])
        )

    def respond(self, body: bytes, connection: Connection) -> bytes:
        """Answer an admin frame."""
        try:
            command, fields = _parse(body)
            return self._carry_out(command, fields, connection)
        except OpError as error:
            return _answer(error.code)

    def _carry_out(self, command: int, fields: Fields, connection: Connection) -> bytes:
        if command == LOGIN:
            return self._login(fields, connection)
        if command == AUTHENTICATE:
            return self._authenticate(fields, connection)
        if connection.user is None:
            raise OpError(ERR_NOT_AUTHENTICATED)
        if command == QUERY_USERS:
            return self._query_users(fields)
        if command == QUERY_ROLES:
            return self._query_roles(fields)
        self._change(command, fields, connection.user)
        return _answer(OK)

    def _login(self, fields: Fields, connection: Connection) -> bytes:
        if USER not in fields:
            user = self._user_of_certificate(connection)
        elif CLEAR_PASSWORD in fields:
            user = self._external_user(_text(fields, USER), fields[CLEAR_PASSWORD])
        else:
            user = _text(fields, USER)
            entry = self._node.metadata_store.get("user", user)
            if entry is None:
                raise OpError(ERR_INVALID_USER)
            if not entry[0] or fields.get(CREDENTIAL, b"") != entry[0].encode():
                raise OpError(ERR_INVALID_CREDENTIAL)
        connection.user = user
        ttl_s = self._node.settings.session_ttl_s
        return _answer(
            OK,
            (SESSION_TOKEN, self._token(user)),
            (SESSION_TTL, ttl_s.to_bytes(4)),
            command=LOGIN,
        )

    def _user_of_certificate(self, connection: Connection) -> str:
        user = connection.certificate_name
        if user is None or self._node.metadata_store.get("user", user) is None:
            raise OpError(ERR_INVALID_USER)
        return user

    def _external_user(self, user: str, password: bytes) -> str:
        entry = self._node.settings.external_users.get(user)
        if entry is None:
            raise OpError(ERR_INVALID_USER)
        digest = hashlib.sha256(password).hexdigest()
        if not hmac.compare_digest(digest, entry[0]):
            raise OpError(ERR_INVALID_CREDENTIAL)
        return user

    def _authenticate(self, fields: Fields, connection: Connection) -> bytes:
        user = _text(fields, USER) if USER in fields else self._user_of_certificate(connection)
        if self._node.metadata_store.get("user", user) is None:
            raise OpError(ERR_INVALID_USER)
        token = fields.get(SESSION_TOKEN, b"")
        issued_us = int.from_bytes(token[:8])
        if not hmac.compare_digest(token, self._signed(user, token[:8])):
            raise OpError(ERR_INVALID_CREDENTIAL)
        age_us = self._node.clock.now_us() - issued_us
        too_old = age_us >= self._node.settings.session_ttl_s * 1_000_000
        if too_old or issued_us <= self.expired_before_us:
            raise OpError(ERR_EXPIRED_SESSION)
        connection.user = user
        return _answer(OK)

    def _token(self, user: str) -> bytes:
        return self._signed(user, self._node.clock.now_us().to_bytes(8))

    def _signed(self, user: str, issued: bytes) -> bytes:
        return issued + hmac.digest(self._key, issued + user.encode(), hashlib.sha256)

    def _change(self, command: int, fields: Fields, by: str) -> None:
        store = self._node.metadata_store
        user = _text(fields, USER)
        entry = store.get("user", user)
        if command != CHANGE_PASSWORD and "user-admin" not in store.get("user", by)[1]:
            raise OpError(ERR_ROLE_VIOLATION)
        if command == CREATE_USER:
            if entry is not None:
                raise OpError(ERR_USER_EXISTS)
            store.set("user", user, (_text(fields, PASSWORD), _roles(fields)))
            return
        if entry is None:
            raise OpError(ERR_INVALID_USER)
        credential, roles = entry
        if command == DROP_USER:
            store.set("user", user, None)
        elif command == SET_PASSWORD:
            store.set("user", user, (_text(fields, PASSWORD), roles))
        elif command == CHANGE_PASSWORD:
            if user != by or _text(fields, OLD_PASSWORD) != credential:
                raise OpError(ERR_INVALID_PASSWORD)
            store.set("user", user, (_text(fields, PASSWORD), roles))
        elif command == GRANT_ROLES:
            store.set("user", user, (credential, tuple(dict.fromkeys((*roles, *_roles(fields))))))
        elif command == REVOKE_ROLES:
            gone = _roles(fields)
            store.set("user", user, (credential, tuple(r for r in roles if r not in gone)))
        else:
            raise OpError(ERR_INVALID_COMMAND)

    def _query_users(self, fields: Fields) -> bytes:
        wanted = fields[USER].decode() if USER in fields else None
        users = self._node.metadata_store.all("user")
        if wanted is not None and wanted not in users:
            raise OpError(ERR_INVALID_USER)
        shown = [
            _answer(OK, (USER, user.encode()), (ROLES, _packed_roles(roles)), command=QUERY_USERS)
            for user, (_, roles) in users.items()
            if wanted in (None, user)
        ]
        return b"".join(shown) + _answer(ERR_QUERY_END, command=QUERY_USERS)

    @staticmethod
    def _query_roles(fields: Fields) -> bytes:
        wanted = fields[ROLE].decode() if ROLE in fields else None
        if wanted is not None and wanted not in ROLE_NAMES:
            raise OpError(ERR_INVALID_ROLE)
        shown = [
            _answer(OK, (ROLE, role.encode()), command=QUERY_ROLES)
            for role in ROLE_NAMES
            if wanted in (None, role)
        ]
        return b"".join(shown) + _answer(ERR_QUERY_END, command=QUERY_ROLES)


def _parse(body: bytes) -> tuple[int, Fields]:
    if len(body) < _HEADER:
        raise OpError(ERR_INVALID_COMMAND)
    fields: Fields = {}
    pos = _HEADER
    for _ in range(body[3]):
        size = int.from_bytes(body[pos : pos + 4])
        if size < 1 or pos + 4 + size > len(body):
            raise OpError(ERR_INVALID_COMMAND)
        fields[body[pos + 4]] = body[pos + 5 : pos + 4 + size]
        pos += 4 + size
    return body[2], fields


def _text(fields: Fields, kind: int) -> str:
    if kind not in fields:
        raise OpError(ERR_INVALID_USER if kind == USER else ERR_INVALID_PASSWORD)
    return fields[kind].decode("utf-8", "replace")


def _roles(fields: Fields) -> tuple[str, ...]:
    data = fields.get(ROLES, b"\0")
    roles = []
    pos = 1
    for _ in range(data[0] if data else 0):
        size = data[pos] if pos < len(data) else 0
        roles.append(data[pos + 1 : pos + 1 + size].decode("utf-8", "replace"))
        pos += 1 + size
    unknown = [role for role in roles if role not in ROLE_NAMES]
    if unknown:
        raise OpError(ERR_INVALID_ROLE)
    return tuple(roles)


def _packed_roles(roles: tuple[str, ...]) -> bytes:
    return bytes((len(roles),)) + b"".join(bytes((len(r),)) + r.encode() for r in roles)


def _answer(code: int, *fields: tuple[int, bytes], command: int = 0) -> bytes:
    head = bytes((0, code, command, len(fields))) + bytes(12)
    return head + b"".join(
        (len(data) + 1).to_bytes(4) + bytes((kind,)) + data for kind, data in fields
    )
