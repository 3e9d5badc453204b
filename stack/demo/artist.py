"""An artist with a local key: signs in, uploads, signs the registration, follows the job."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import click
import httpx
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from eth_account.signers.local import LocalAccount
from httpx_sse import aconnect_sse

_TIMEOUT = httpx.Timeout(30, read=600)


class ApiRefusal(click.ClickException):
    """The API answered with a problem document; it ends the demo with the problem's sentence."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{problem.get('title')}: {problem.get('detail')} [{problem.get('code')}]")
        self.problem = problem

    @property
    def code(self) -> str:
        """The stable error code."""
        return str(self.problem.get("code", ""))

    @property
    def detail(self) -> str:
        """What is wrong, in a sentence."""
        return str(self.problem.get("detail", ""))


@dataclass(frozen=True, slots=True)
class Progress:
    """One event of an upload's stream. ``at`` is the time it was received."""

    stage: str
    percent: int
    at: datetime
    error: Mapping[str, Any] | None


class Artist:
    """A client of the HTTP API that signs with a local key, where a user's wallet would."""

    def __init__(self, client: httpx.AsyncClient, account: LocalAccount) -> None:
        self._client = client
        self._account = account

    @classmethod
    def at(cls, api_url: str, private_key: str) -> Self:
        """Return an artist talking to the API at an origin."""
        return cls(httpx.AsyncClient(base_url=api_url, timeout=_TIMEOUT), Account.from_key(private_key))

    @property
    def address(self) -> str:
        """The artist's checksummed address."""
        return self._account.address

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def sign_in(self) -> None:
        """Log in by Sign-In with Ethereum (EIP-4361) and keep the access token.

        Raises:
            ApiRefusal: the API refused.
        """
        challenge = await self._json("POST", "/auth/nonce")
        message = (
            f"{challenge['domain']} wants you to sign in with your Ethereum account:\n{self.address}\n\n"
            f"{challenge['statement']}\n\n"
            f"URI: {challenge['uri']}\nVersion: {challenge['version']}\nChain ID: {challenge['chainId']}\n"
            f"Nonce: {challenge['nonce']}\n"
            f"Issued At: {datetime.now(UTC).isoformat(timespec='seconds').replace('+00:00', 'Z')}"
        )
        signature = self._account.sign_message(encode_defunct(text=message)).signature.to_0x_hex()
        answer = await self._json("POST", "/auth/login", json={"message": message, "signature": signature})
        self._client.headers["Authorization"] = f"Bearer {answer['access_token']}"

    async def upload(self, song: Path, *, title: str, artist: str, tags: list[str]) -> dict[str, Any]:
        """Upload a file and return the API's answer, which holds the typed data to sign.

        Raises:
            ApiRefusal: the API refused.
        """
        fields = {
            "title": title,
            "artist": artist,
            "credits": json.dumps([{"name": artist, "role": "artist", "account": self.address}]),
            "tags": json.dumps(tags),
        }
        with song.open("rb") as file:
            return await self._json(
                "POST",
                "/stems/upload",
                data=fields,
                files={"file": (song.name, file, "application/octet-stream")},
            )

    async def sign(self, upload: Mapping[str, Any]) -> None:
        """Sign the registration of an upload.

        Raises:
            ApiRefusal: the API refused the signature.
        """
        signable = encode_typed_data(full_message=dict(upload["typedData"]))
        signature = self._account.sign_message(signable).signature.to_0x_hex()
        await self._json("POST", f"/stems/uploads/{upload['uploadId']}/signature", json={"signature": signature})

    async def follow(self, upload_id: str) -> AsyncIterator[Progress]:
        """Yield the upload's progress until it is indexed or has failed.

        Raises:
            ApiRefusal: the API refused.
        """
        async with aconnect_sse(self._client, "GET", f"/stems/uploads/{upload_id}/events") as source:
            if source.response.is_error:
                await source.response.aread()
                raise ApiRefusal(source.response.json())
            async for event in source.aiter_sse():
                if not event.data:
                    continue
                data = json.loads(event.data)
                yield Progress(data["stage"], data["percent"], datetime.now(UTC), data.get("error"))
                if data["stage"] in ("indexed", "failed"):
                    return

    async def work(self, work_id: str) -> dict[str, Any] | None:
        """Return the catalog's entry of a work, or None when it has none."""
        response = await self._client.get(f"/catalog/{work_id}")
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        return _checked(response)

    async def titles(self) -> list[str]:
        """Return the titles of the artist's newest recordings in the catalog.

        Raises:
            ApiRefusal: the API refused.
        """
        page = await self._json("GET", "/catalog", params={"artist": self.address, "limit": 100})
        return [recording["title"] for recording in page["items"] if recording["title"]]

    async def download(self, work_id: str, target: Path) -> Path:
        """Download a stem's FLAC, as its rights holder.

        Raises:
            ApiRefusal: the API refused.
        """
        async with self._client.stream("GET", f"/catalog/{work_id}/audio") as response:
            if response.is_error:
                await response.aread()
                raise ApiRefusal(response.json())
            with target.open("wb") as file:
                async for chunk in response.aiter_bytes():
                    file.write(chunk)
        return target

    async def _json(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        return _checked(await self._client.request(method, path, **arguments))


def _checked(response: httpx.Response) -> dict[str, Any]:
    body: dict[str, Any] = response.json()
    if response.is_error:
        raise ApiRefusal(body)
    return body
