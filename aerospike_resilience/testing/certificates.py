"""Throw-away certificates for TLS tests: an authority and the certificates it signs.

Keys are on the curve P-256, made and used for signing in plain Python, so that no package
and no `openssl` command is needed. Good for tests on loopback and for nothing else.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import secrets
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

_P: Final = 2**256 - 2**224 + 2**192 + 2**96 - 1
_N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_G: Final = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
_ID_PUBLIC_KEY: Final = "1.2.840.10045.2.1"
_ID_P256: Final = "1.2.840.10045.3.1.7"
_ID_ECDSA_SHA256: Final = "1.2.840.10045.4.3.2"
_ID_COMMON_NAME: Final = "2.5.4.3"
_ID_BASIC_CONSTRAINTS: Final = "2.5.29.19"
_ID_KEY_USAGE: Final = "2.5.29.15"
_ID_ALTERNATIVE_NAME: Final = "2.5.29.17"
_ID_SUBJECT_KEY: Final = "2.5.29.14"
_ID_AUTHORITY_KEY: Final = "2.5.29.35"

Point = tuple[int, int] | None


def _add(a: Point, b: Point) -> Point:
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % _P == 0:
            return None
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, _P) % _P
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, _P) % _P
    x = (slope * slope - a[0] - b[0]) % _P
    return x, (slope * (a[0] - x) - a[1]) % _P


def _times(scalar: int, point: Point) -> tuple[int, int]:
    total: Point = None
    while scalar:
        if scalar & 1:
            total = _add(total, point)
        point = _add(point, point)
        scalar >>= 1
    assert total is not None
    return total


def _tlv(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes((tag, len(body))) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(size))) + size + body


def _sequence(*parts: bytes) -> bytes:
    return _tlv(0x30, *parts)


def _integer(value: int) -> bytes:
    return _tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1))


def _oid(text: str) -> bytes:
    first, second, *rest = map(int, text.split("."))
    data = bytearray((first * 40 + second,))
    for number in rest:
        septets = [number & 0x7F]
        while number := number >> 7:
            septets.append(number & 0x7F | 0x80)
        data += bytes(reversed(septets))
    return _tlv(0x06, bytes(data))


def _bits(data: bytes, unused: int = 0) -> bytes:
    return _tlv(0x03, bytes((unused,)), data)


def _octets(data: bytes) -> bytes:
    return _tlv(0x04, data)


def _name(common_name: str) -> bytes:
    text = _tlv(0x0C, common_name.encode())
    return _sequence(_tlv(0x31, _sequence(_oid(_ID_COMMON_NAME), text)))


def _extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    return _sequence(_oid(oid), b"\x01\x01\xff" if critical else b"", _octets(value))


def _pem(kind: str, data: bytes) -> str:
    text = base64.encodebytes(data).decode()
    return f"-----BEGIN {kind}-----\n{text}-----END {kind}-----\n"


class _Key:
    """A private key."""

    def __init__(self) -> None:
        self.secret = secrets.randbelow(_N - 1) + 1
        x, y = _times(self.secret, _G)
        self.point = b"\x04" + x.to_bytes(32) + y.to_bytes(32)

    @property
    def identifier(self) -> bytes:
        return hashlib.sha1(self.point, usedforsecurity=False).digest()

    @property
    def public(self) -> bytes:
        return _sequence(_sequence(_oid(_ID_PUBLIC_KEY), _oid(_ID_P256)), _bits(self.point))

    @property
    def pem(self) -> str:
        inner = _sequence(
            _integer(1), _octets(self.secret.to_bytes(32)), _tlv(0xA1, _bits(self.point))
        )
        algorithm = _sequence(_oid(_ID_PUBLIC_KEY), _oid(_ID_P256))
        return _pem("PRIVATE KEY", _sequence(_integer(0), algorithm, _octets(inner)))

    def sign(self, data: bytes) -> bytes:
        digest = int.from_bytes(hashlib.sha256(data).digest())
        while True:
            nonce = secrets.randbelow(_N - 1) + 1
            r = _times(nonce, _G)[0] % _N
            s = pow(nonce, -1, _N) * (digest + r * self.secret) % _N
            if r and s:
                return _sequence(_integer(r), _integer(s))


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its key, as files.

    Attributes:
        certificate: The certificate, PEM.
        key: The private key, PEM.
        name: Its common name.
    """

    certificate: str
    key: str
    name: str


class TestAuthority:
    """A certificate authority for a test.

    Args:
        folder: Where its files go.
        name: Its common name.
    """

    __test__ = False  # not a test class, though pytest would collect it by its name

    def __init__(self, folder: str | Path, name: str = "aerospike-resilience test CA") -> None:
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._name = name
        self._key = _Key()
        self._count = 0
        self.ca_file = str(self._folder / f"ca-{secrets.token_hex(4)}.pem")
        Path(self.ca_file).write_text(self._issue(name, self._key, authority=True))

    def issue(self, name: str, *, valid: bool = True) -> Certificate:
        """Make a certificate for a server or a client.

        Args:
            name: Its common name; for a server the name that clients pass as `tls_name`.
            valid: If false, it expired yesterday.

        Returns:
            The files.
        """
        key = _Key()
        self._count += 1
        stem = self._folder / f"{Path(self.ca_file).stem}-{self._count}"
        certificate, private = stem.with_suffix(".crt"), stem.with_suffix(".key")
        certificate.write_text(self._issue(name, key, authority=False, valid=valid))
        private.touch(mode=0o600)
        private.write_text(key.pem)
        return Certificate(str(certificate), str(private), name)

    def _issue(self, name: str, key: _Key, *, authority: bool, valid: bool = True) -> str:
        now = datetime.datetime.now(datetime.UTC)
        day = datetime.timedelta(days=1)
        until = now + 30 * day if valid else now - day
        times = [
            _tlv(0x17, when.strftime("%y%m%d%H%M%SZ").encode()) for when in (now - 2 * day, until)
        ]
        extensions = [
            _extension(
                _ID_BASIC_CONSTRAINTS,
                _sequence(b"\x01\x01\xff" if authority else b""),
                critical=True,
            ),
            _extension(_ID_SUBJECT_KEY, _octets(key.identifier)),
            _extension(_ID_AUTHORITY_KEY, _sequence(_tlv(0x80, self._key.identifier))),
        ]
        if authority:
            extensions.append(_extension(_ID_KEY_USAGE, _bits(b"\x06", 1), critical=True))
        else:
            names = _sequence(_tlv(0x82, name.encode()), _tlv(0x87, ip_address("127.0.0.1").packed))
            extensions.append(_extension(_ID_ALTERNATIVE_NAME, names))
        algorithm = _sequence(_oid(_ID_ECDSA_SHA256))
        body = _sequence(
            _tlv(0xA0, _integer(2)),
            _integer(secrets.randbits(63) + 1),
            algorithm,
            _name(self._name),
            _sequence(*times),
            _name(name),
            key.public,
            _tlv(0xA3, _sequence(*extensions)),
        )
        return _pem("CERTIFICATE", _sequence(body, algorithm, _bits(self._key.sign(body))))
