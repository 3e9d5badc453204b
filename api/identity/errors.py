"""Errors of signing in and of access tokens."""

from http import HTTPStatus

from stemma.errors import AppError


class _LoginRefused(AppError):
    status = HTTPStatus.UNAUTHORIZED


class LoginMessageInvalid(_LoginRefused):
    """The text that was signed is not an EIP-4361 message."""

    code = "login_message_invalid"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "The message is not a Sign-In with Ethereum message"


class LoginDomainMismatch(_LoginRefused):
    """The message was signed for another domain or URI: a sign of phishing, or of a wrong public URL."""

    code = "login_domain_mismatch"
    title = "The message was signed for another site"


class LoginChainMismatch(_LoginRefused):
    """The message names a chain that this API does not serve."""

    code = "login_chain_mismatch"
    title = "The message was signed for another chain"


class LoginNonceInvalid(_LoginRefused):
    """The nonce was never issued here, has been used, or is too old."""

    code = "login_nonce_invalid"
    title = "The nonce is unknown, used or too old"


class LoginExpired(_LoginRefused):
    """The message's expiration time has passed."""

    code = "login_expired"
    title = "The message has expired"


class LoginNotYetValid(_LoginRefused):
    """The message was issued in the future, or may not be used yet."""

    code = "login_not_yet_valid"
    title = "The message is not valid yet"


class LoginSignatureInvalid(_LoginRefused):
    """The signature is not the named account's signature of this very text."""

    code = "login_signature_invalid"
    title = "The signature is not that account's"


class TokenMissing(_LoginRefused):
    """The route needs ``Authorization: Bearer <access token>``."""

    code = "token_missing"
    title = "An access token is needed"


class TokenInvalid(_LoginRefused):
    """The access token is malformed, expired, or was not issued by and for this API."""

    code = "token_invalid"
    title = "The access token is not valid"
