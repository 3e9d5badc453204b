"""HTTP of signing in."""

from fastapi import APIRouter, Response

from api.dependencies import Connection, ResourcesDependency
from api.identity import errors, service
from api.identity.schemas import KeySet, LoginChallenge, LoginRequest, TokenResponse
from api.problems import documented
from stemma.chain.errors import RpcUnreachable

router = APIRouter(tags=["identity"])

_NO_STORE = "no-store"
_JWKS_CACHE = "public, max-age=300"


@router.post("/auth/nonce", operation_id="createLoginNonce", summary="Begin a login")
async def create_login_nonce(
    connection: Connection, resources: ResourcesDependency, response: Response
) -> LoginChallenge:
    """Return a nonce, good once and for five minutes, and what else the EIP-4361 message must say."""
    response.headers["Cache-Control"] = _NO_STORE
    return await service.issue_challenge(connection, resources.site)


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
    request: LoginRequest, connection: Connection, resources: ResourcesDependency, response: Response
) -> TokenResponse:
    """Exchange a signed EIP-4361 message for an access token of ten minutes.

    Keys (EOAs), deployed contract accounts (ERC-1271) and accounts yet to be deployed (ERC-6492) can sign.
    """
    response.headers["Cache-Control"] = _NO_STORE
    return await service.login(
        connection,
        request,
        site=resources.site,
        issuer=resources.issuer,
        is_signed_by=resources.signature_check(),
    )


@router.get("/.well-known/jwks.json", operation_id="getKeySet", summary="Keys that verify access tokens")
async def get_key_set(resources: ResourcesDependency, response: Response) -> KeySet:
    """Return the public keys of access tokens (RFC 7517)."""
    response.headers["Cache-Control"] = _JWKS_CACHE
    return KeySet.model_validate(resources.issuer.jwks())
