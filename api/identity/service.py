"""The rules of signing in."""

import secrets
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from api.identity import repository, sign_in
from api.identity.errors import LoginNonceInvalid, LoginSignatureInvalid
from api.identity.schemas import LoginChallenge, LoginRequest, TokenResponse
from api.identity.tokens import LIFETIME, TokenIssuer
from api.signatures import SignatureCheck

_STATEMENT = "Sign in to Stemma."
_NONCE_BYTES = 16


async def issue_challenge(connection: AsyncConnection, site: sign_in.Site) -> LoginChallenge:
    """Return a fresh nonce and the other members of the message to sign."""
    nonce = secrets.token_hex(_NONCE_BYTES)
    expires_at = datetime.now(UTC) + sign_in.NONCE_LIFETIME
    await repository.add_nonce(connection, nonce=nonce, expires_at=expires_at)
    return LoginChallenge(
        nonce=nonce,
        expires_at=expires_at,
        domain=site.domain,
        uri=site.origin,
        chain_id=site.chain_id,
        statement=_STATEMENT,
    )


async def verify(request: LoginRequest, *, site: sign_in.Site, is_signed_by: SignatureCheck) -> sign_in.SignIn:
    """Return what a signed message claims; its nonce is still to be taken.

    Raises:
        LoginSignatureInvalid: not that account's signature of this text.
        stemma.errors.AppError: a rule of `sign_in.check` is broken.
    """
    claim = sign_in.check(request.message, site, datetime.now(UTC))
    if not await is_signed_by(claim.account.address, claim.digest, bytes.fromhex(request.signature[2:])):
        raise LoginSignatureInvalid(f"{claim.account.checksum_address} did not sign this message")
    return claim


async def login(connection: AsyncConnection, claim: sign_in.SignIn, *, issuer: TokenIssuer) -> TokenResponse:
    """Turn a verified message into an access token, once. Raises LoginNonceInvalid: unknown, used or old nonce."""
    now = datetime.now(UTC)
    if not await repository.take_nonce(connection, nonce=claim.nonce, now=now):
        raise LoginNonceInvalid("ask for a new nonce and sign again")
    await repository.note_login(connection, claim.account, now=now)
    token = issuer.issue(claim.account, now)
    return TokenResponse(access_token=token, expires_in=int(LIFETIME.total_seconds()), subject=claim.account.caip10)
