"""HTTP of signing in."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from api.dependencies import Connection, ResourcesDependency
from api.identity import errors, service
from api.identity.schemas import KeySet, LoginChallenge, LoginRequest, TokenResponse
from api.identity.sign_in import SignIn
from api.problems import documented
from stemma.chain.errors import RpcUnreachable

router = APIRouter(tags=["identity"])

_JWKS_CACHE = "public, max-age=300"


@router.post("/auth/nonce", operation_id="createLoginNonce", summary="Begin a login")
async def create_login_nonce(connection: Connection, resources: ResourcesDependency) -> LoginChallenge:
    """Return a nonce, good once and for five minutes, and what else the EIP-4361 message must say."""
    return await service.issue_challenge(connection, resources.site)


async def verify_message(request: LoginRequest, resources: ResourcesDependency) -> SignIn:
    """Check the signature before a database connection is taken: a node may take its time over a contract's."""
    return await service.verify(request, site=resources.site, is_signed_by=resources.signature_check())


@router.post(
    "/auth/login",
    operation_id="login",
    summary="Sign in with Ethereum",
    responses=documented(
        errors.LoginMessageInvalid,
        errors.LoginDomainMismatch,
        errors.LoginChainMismatch,
        errors.LoginNonceInvalid,
        errors.LoginExpired,
        errors.LoginNotYetValid,
        errors.LoginSignatureInvalid,
        RpcUnreachable,
    ),
)
async def login(
    claim: Annotated[SignIn, Depends(verify_message)], connection: Connection, resources: ResourcesDependency
) -> TokenResponse:
    """Exchange a signed EIP-4361 message for an access token of ten minutes.

    Keys (EOAs), deployed contract accounts (ERC-1271) and accounts yet to be deployed (ERC-6492) can sign.
    """
    return await service.login(connection, claim, issuer=resources.issuer)


@router.get("/.well-known/jwks.json", operation_id="getKeySet", summary="Keys that verify access tokens")
async def get_key_set(resources: ResourcesDependency, response: Response) -> KeySet:
    """Return the public keys of access tokens (RFC 7517)."""
    response.headers["Cache-Control"] = _JWKS_CACHE
    return KeySet.model_validate(resources.issuer.jwks())
