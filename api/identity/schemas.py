"""Bodies of signing in."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from api.identity.sign_in import MESSAGE_MAX_CHARACTERS

_SIGNATURE_MAX_CHARACTERS = 2 + 2 * 16_384
"""A passkey account's ERC-6492 signature carries the call that deploys the account: a few kilobytes."""

HexSignature = Annotated[str, StringConstraints(pattern=r"^0x([0-9a-fA-F]{2})*$", max_length=_SIGNATURE_MAX_CHARACTERS)]


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class LoginChallenge(_Body):
    """What a wallet must put into its EIP-4361 message."""

    nonce: str = Field(description="Good for one login")
    expires_at: datetime
    domain: str
    uri: str
    chain_id: int
    version: Literal["1"] = "1"
    statement: str = Field(description="A sentence for the wallet to show; leaving it out is fine")


class LoginRequest(_Body):
    """A signed EIP-4361 message."""

    message: Annotated[str, StringConstraints(min_length=1, max_length=MESSAGE_MAX_CHARACTERS)]
    signature: HexSignature


class TokenResponse(_Body):
    """An access token, as OAuth 2.0 (RFC 6749 §5.1) names its members; hence the snake case."""

    model_config = ConfigDict(alias_generator=None, extra="forbid")

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the type's name, no secret
    expires_in: int = Field(description="Seconds")
    subject: str = Field(description="CAIP-10 id of the account")


class KeySet(BaseModel):
    """A JSON Web Key Set (RFC 7517)."""

    keys: list[dict[str, Any]]
