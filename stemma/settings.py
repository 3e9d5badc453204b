"""Every setting of every process, read from the environment and from `.env`."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, PositiveInt, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from stemma.errors import AppError

_KEY = re.compile(r"0x[0-9a-fA-F]{64}")
_CURVE_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
"""Of secp256k1 (SEC 2, 2.4.1); a private key is a number from 1 to one less."""


class SettingsInvalid(AppError):
    """A setting is malformed."""

    code: ClassVar[str] = "settings_invalid"
    title: ClassVar[str] = "A setting cannot be used"


def _check_key(key: SecretStr) -> SecretStr:
    digits = key.get_secret_value()
    if not _KEY.fullmatch(digits) or not 0 < int(digits, 16) < _CURVE_ORDER:
        raise ValueError("a private key is 0x and 64 hex digits")
    return key


CommaSeparated = Annotated[list[str], NoDecode]
PrivateKey = Annotated[SecretStr, AfterValidator(_check_key)]


class Settings(BaseSettings):
    """One instance per process; `.env.example` explains each field to operators."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True)

    database_url: SecretStr = Field(
        default=SecretStr(""), description="postgresql:// URL of the role this process runs as"
    )
    redis_url: str = Field(default="", description="redis:// URL of the job queue")
    pubsub_emulator_host: str = Field(default="", description="host:port of a Pub/Sub emulator; empty means Google's")
    pubsub_project: str = Field(
        default="stemma", description="Google Cloud project that holds topics and subscriptions"
    )

    rpc_urls: CommaSeparated = Field(default_factory=list, description="Ethereum JSON-RPC endpoints, best first")
    chain_id: PositiveInt = Field(default=31337, description="EIP-155 id of the chain that holds the contracts")
    deployments_dir: Path = Field(default=Path("deployments"), description="Folder of <chainId>.json files")
    relayer_private_key: PrivateKey | None = Field(default=None, description="Key that pays for registerAndCommit")
    attestor_private_key: PrivateKey | None = Field(default=None, description="Key that attests separations")

    check_blooms: bool = Field(
        default=True, description="Whether a backfill fetches each block's header to hold its bloom against the logs"
    )
    journal_blocks: int = Field(
        default=50_000, ge=0, description="Blocks back from the newest as of which the catalog can be read"
    )

    storage_url: str = Field(default="", description="file:///folder or gs://bucket[/prefix]; holds private files too")
    public_storage_url: str = Field(default="", description="Where public files go, e.g. ipfs+http://host:5001")
    ipfs_gateways: CommaSeparated = Field(
        default_factory=list, description="HTTP addresses to which a CID is appended, asked for what storage lacks"
    )

    api_host: str = Field(default="127.0.0.1", description="Address the API listens on")
    api_port: int = Field(default=8000, ge=0, le=65535, description="Port the API listens on")
    public_url: str = Field(default="", description="Origin under which users reach the API; sign-in is bound to it")
    cors_origins: CommaSeparated = Field(default_factory=list, description="Origins of frontends that may call the API")
    jwt_private_key_file: Path | None = Field(default=None, description="PEM of the P-256 key that signs access tokens")

    upload_max_bytes: PositiveInt = Field(default=300 * 1024 * 1024, description="Largest accepted upload, in bytes")
    upload_max_seconds: PositiveInt = Field(default=20 * 60, description="Longest accepted recording, in seconds")
    signature_ttl_seconds: PositiveInt = Field(default=3600, description="Time a creator has to sign an upload")

    stem_model_repo: Path | None = Field(default=None, description="Folder of model weights")
    stem_model: Literal["auto", "htdemucs_6s", "demucs-tiny-synth"] = Field(
        default="auto", description="Model to separate with; auto prefers htdemucs_6s and says so when it cannot"
    )
    worker_threads: PositiveInt = Field(default=1, description="CPU threads of one separation")

    log_format: Literal["console", "json"] = Field(default="console", description="How logs are printed")
    metrics_host: str = Field(default="127.0.0.1", description="Address that Prometheus metrics are served at")
    metrics_port: int = Field(default=0, ge=0, le=65535, description="Port of Prometheus metrics; 0 turns them off")

    def require_database_url(self) -> str:
        """The database of this process.

        Raises:
            SettingsInvalid: none is given.
        """
        if url := self.database_url.get_secret_value():
            return url
        raise SettingsInvalid(
            "DATABASE_URL is not set (see .env.example). Beside `make up`, `stemma exec indexer COMMAND` runs a command"
            " with the settings of its indexer"
        )

    @field_validator("rpc_urls", "cors_origins", "ipfs_gateways", mode="before")
    @classmethod
    def _split_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Return the settings of this process.

    Raises:
        SettingsInvalid: a setting is malformed; the message names it, and never shows its value.
    """
    try:
        return Settings()
    except ValidationError as error:
        faults = [f"{fault['loc'][0]}".upper() + f": {fault['msg']}" for fault in error.errors(include_input=False)]
        raise SettingsInvalid("; ".join(faults) + " (see .env.example)") from None
