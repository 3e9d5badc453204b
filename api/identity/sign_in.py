"""The rules of a Sign-In with Ethereum message (EIP-4361), apart from its nonce and signature."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from urllib.parse import urlsplit

from eth_hash.auto import keccak

from api.identity.accounts import Account
from api.identity.errors import (
    LoginChainMismatch,
    LoginDomainMismatch,
    LoginExpired,
    LoginMessageInvalid,
    LoginNotYetValid,
)

NONCE_LIFETIME = timedelta(minutes=5)
CLOCK_SKEW = timedelta(seconds=60)
MESSAGE_MAX_CHARACTERS = 4000


@dataclass(frozen=True, slots=True)
class Site:
    """The place that a message must have been signed for."""

    origin: str
    chain_id: int

    @property
    def domain(self) -> str:
        """The authority (host and port) that wallets show."""
        return urlsplit(self.origin).netloc


@dataclass(frozen=True, slots=True)
class SignIn:
    """A message that satisfied every rule which needs neither a database nor a chain."""

    account: Account
    nonce: str
    digest: bytes
    """EIP-191 hash of the exact text; what the account signed."""


def check(text: str, site: Site, now: datetime) -> SignIn:
    """Parse a message and hold it against the site and the clock.

    Raises:
        LoginMessageInvalid: not an EIP-4361 message.
        LoginDomainMismatch: signed for another domain or URI.
        LoginChainMismatch: signed for another chain.
        LoginNotYetValid: issued in the future or not valid before a later moment.
        LoginExpired: past its expiration, or issued too long ago to carry a live nonce.
    """
    from siwe import SiweMessage

    try:
        # Not by the ABNF grammar, which takes seconds for some texts; what it would refuse the round trip does.
        message = SiweMessage.from_message(text, abnf=False)
        if message.prepare_message() != text:
            raise ValueError("the text is not in canonical form")
        issued_at = _moment(message.issued_at)
        expires_at = _moment(message.expiration_time) if message.expiration_time else None
        not_before = _moment(message.not_before) if message.not_before else None
    except (ValueError, OverflowError) as error:  # also pydantic's ValidationError; times outside the calendar
        raise LoginMessageInvalid("the text does not follow EIP-4361") from error
    _check_place(str(message.domain), str(message.scheme or ""), str(message.uri), site)
    if message.chain_id != site.chain_id:
        raise LoginChainMismatch(f"the message names chain {message.chain_id}; this is chain {site.chain_id}")
    if issued_at > now + CLOCK_SKEW or (not_before is not None and now < not_before):
        raise LoginNotYetValid("the message lies in the future")
    if (expires_at is not None and now >= expires_at) or issued_at < now - NONCE_LIFETIME - CLOCK_SKEW:
        raise LoginExpired("ask for a new nonce and sign again")
    account = Account(chain_id=message.chain_id, address=bytes.fromhex(message.address[2:]))
    return SignIn(account, str(message.nonce), personal_message_hash(text))


def warm_up() -> None:
    """Load the parser, which takes a second, before the first login needs it."""
    import_module("siwe")


def personal_message_hash(text: str) -> bytes:
    """Return what ``personal_sign`` signs for a text (EIP-191, version 0x45)."""
    body = text.encode()
    return bytes(keccak(b"\x19Ethereum Signed Message:\n" + str(len(body)).encode() + body))


def _check_place(domain: str, scheme: str, uri: str, site: Site) -> None:
    here, there = urlsplit(site.origin), urlsplit(uri)
    if domain != site.domain:
        raise LoginDomainMismatch(f"the message names the domain {domain!r}; this is {site.domain!r}")
    if (there.scheme, there.netloc) != (here.scheme, here.netloc) or scheme not in ("", here.scheme):
        raise LoginDomainMismatch(f"the message names the URI {uri!r}; this is {site.origin!r}")


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("RFC 3339 wants a time zone")
    return moment.astimezone(UTC)
