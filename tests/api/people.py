"""Callers of the API, with keys of their own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount

from stack.anvil_node import development_key
from stemma.chain.intents import sign_typed_data

ARTIST_KEY = development_key(3)
STRANGER_KEY = development_key(4)
RELAYER_KEY = development_key(1)
ATTESTOR_KEY = development_key(2)


@dataclass(slots=True)
class Person:
    """Somebody with a key and an HTTP client."""

    http: httpx.AsyncClient
    account: LocalAccount

    @classmethod
    def of(cls, url: str, key: str) -> Person:
        return cls(httpx.AsyncClient(base_url=url, timeout=30), Account.from_key(key))

    @property
    def address(self) -> str:
        return str(self.account.address)

    async def challenge(self) -> dict[str, Any]:
        return (await self.http.post("/auth/nonce")).json()

    async def login(self, message: str, signature: str | None = None) -> httpx.Response:
        return await self.http.post(
            "/auth/login", json={"message": message, "signature": signature or self.sign_text(message)}
        )

    async def sign_in(self) -> None:
        answer = await self.login(siwe_message(await self.challenge(), self.address))
        assert answer.status_code == 200, answer.text
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def sign_text(self, text: str) -> str:
        return self.account.sign_message(encode_defunct(text=text)).signature.to_0x_hex()

    async def upload(self, audio: bytes, **fields: Any) -> httpx.Response:
        return await self.http.post("/stems/upload", data=form(**fields), files={"file": ("song.wav", audio)})

    async def sign(self, upload: dict[str, Any], **changes: Any) -> httpx.Response:
        signature = "0x" + sign_typed_data(self.account.key, {**upload["typedData"], **changes}).hex()
        return await self.http.post(f"/stems/uploads/{upload['uploadId']}/signature", json={"signature": signature})

    async def get_upload(self, upload: dict[str, Any]) -> dict[str, Any]:
        answer = await self.http.get(f"/stems/uploads/{upload['uploadId']}")
        assert answer.status_code == 200, answer.text
        return answer.json()


def form(**fields: Any) -> dict[str, str]:
    """The fields of an upload; lists become JSON."""
    every = {"title": "A song", "artist": "Somebody", **fields}
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in every.items()}


def siwe_message(challenge: dict[str, Any], address: str, **changes: Any) -> str:
    """An EIP-4361 message; ``changes`` replace members, ``extra`` adds lines."""
    parts = {
        "domain": challenge["domain"],
        "uri": challenge["uri"],
        "chain_id": challenge["chainId"],
        "nonce": challenge["nonce"],
        "issued_at": stamp(datetime.now(UTC)),
        "extra": "",
        **changes,
    }
    return (
        f"{parts['domain']} wants you to sign in with your Ethereum account:\n{address}\n\nSign in.\n\n"
        f"URI: {parts['uri']}\nVersion: 1\nChain ID: {parts['chain_id']}\nNonce: {parts['nonce']}\n"
        f"Issued At: {parts['issued_at']}{parts['extra']}"
    )


def stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The answer is this problem, complete as RFC 9457 and ours have it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == code, problem
    assert problem["type"] == f"/problems/{code}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"] == answer.request.url.path
    assert problem["requestId"] == answer.headers["x-request-id"]
    return problem
