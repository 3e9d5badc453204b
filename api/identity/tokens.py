"""Access tokens: ES256 JWTs of ten minutes, in the profile of RFC 9068."""

import base64
import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import ECAlgorithm

from api.identity.accounts import Account
from api.identity.errors import TokenInvalid

LIFETIME = timedelta(minutes=10)
_ALGORITHM = "ES256"
_TYPE = "at+jwt"
_LEEWAY = timedelta(seconds=10)
_REQUIRED = ["iss", "aud", "sub", "iat", "nbf", "exp", "jti", "client_id"]
_CLIENT = "stemma"
_END_OF_PEM = b"-----END"


class TokenIssuer:
    """Signs access tokens with one P-256 key and verifies those of any key it knows."""

    def __init__(self, keys: list[ec.EllipticCurvePrivateKey], *, issuer: str) -> None:
        """Take the signing key first, then keys that are on their way out and only verify.

        Raises:
            ValueError: no key, or one that is not on P-256.
        """
        if not keys or any(not isinstance(key.curve, ec.SECP256R1) for key in keys):
            raise ValueError("ES256 needs at least one key, and all on the curve P-256")
        self._issuer = issuer
        self._signing_key = keys[0]
        self._public = {thumbprint(key): key.public_key() for key in keys}
        self._kid = thumbprint(keys[0])

    @classmethod
    def from_file(cls, path: Path, *, issuer: str) -> "TokenIssuer":
        """Read one or more concatenated PEM private keys; the first signs.

        Raises:
            OSError: the file cannot be read.
            ValueError: it holds no P-256 private key.
        """
        return cls([_load(pem) for pem in _split_pem(path.read_bytes())], issuer=issuer)

    def issue(self, account: Account, now: datetime) -> str:
        """Return a token whose subject is the account's CAIP-10 id."""
        claims = {
            "iss": self._issuer,
            "aud": self._issuer,
            "sub": account.caip10,
            "client_id": _CLIENT,
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int((now + LIFETIME).timestamp()),
            "jti": str(uuid.uuid4()),
        }
        return jwt.encode(claims, self._signing_key, _ALGORITHM, headers={"typ": _TYPE, "kid": self._kid})

    def verify(self, text: str) -> Account:
        """Return the account that a token speaks for.

        Raises:
            TokenInvalid: wrong signature, algorithm, type, issuer, audience, times or subject.
        """
        try:
            header = jwt.get_unverified_header(text)
            key = self._public.get(header.get("kid", ""))
            if key is None or header.get("typ") != _TYPE:
                raise TokenInvalid("the token was not issued here")
            claims = jwt.decode(
                text,
                key,
                algorithms=[_ALGORITHM],
                issuer=self._issuer,
                audience=self._issuer,
                leeway=_LEEWAY,
                options={"require": _REQUIRED},
            )
            return Account.from_caip10(claims["sub"])
        except (jwt.PyJWTError, ValueError) as error:
            raise TokenInvalid(f"the token was refused: {error}") from error

    def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """Return the JSON Web Key Set (RFC 7517) of all public keys."""
        return {
            "keys": [{**_jwk(key), "kid": kid, "use": "sig", "alg": _ALGORITHM} for kid, key in self._public.items()]
        }


def thumbprint(key: ec.EllipticCurvePrivateKey) -> str:
    """Return the RFC 7638 thumbprint of a key's public half, which serves as its ``kid``."""
    members = _jwk(key.public_key())
    canonical = json.dumps({name: members[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).rstrip(b"=").decode()


def _jwk(key: ec.EllipticCurvePublicKey) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], ECAlgorithm.to_jwk(key, as_dict=True))


def _split_pem(content: bytes) -> list[bytes]:
    blocks = [block for block in content.split(b"-----BEGIN") if _END_OF_PEM in block]
    return [b"-----BEGIN" + block for block in blocks]


def _load(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("the file holds a key that is not an elliptic-curve private key")
    return key
