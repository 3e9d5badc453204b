"""The tables of schema `app`: what no chain knows. The migrations make them; a test holds both equal.

Works are bytea(28), hashes bytea(32), addresses bytea(20); every time is timestamptz in UTC.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

SCHEMA = "app"
metadata = MetaData(schema=SCHEMA)


def _now(name: str) -> "Column[object]":
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


def _time(name: str) -> "Column[object]":
    return Column(name, DateTime(timezone=True))


users = Table(
    "users",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("chain_id", BigInteger, nullable=False),
    Column("address", LargeBinary, nullable=False),
    _now("created_at"),
    _now("last_login_at"),
    UniqueConstraint("chain_id", "address", name="users_chain_id_address_key"),
    CheckConstraint("octet_length(address) = 20", name="users_address_check"),
)

login_nonces = Table(
    "login_nonces",
    metadata,
    Column("nonce", Text, primary_key=True),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Index("login_nonces_expires_at_idx", "expires_at"),
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("chain_id", BigInteger, nullable=False),
    Column("owner", LargeBinary, nullable=False),
    Column("recording_id", LargeBinary, nullable=False),
    Column("content_hash", LargeBinary, nullable=False),
    Column("file_cid", Text, nullable=False),
    Column("file_bytes", BigInteger, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("credits", LargeBinary, nullable=False, comment="canonical bytes of the credits document"),
    Column("credits_cid", Text, nullable=False),
    Column("registration", JSONB, nullable=False, comment="the EIP-712 document the creator signs"),
    Column("signature_due_at", DateTime(timezone=True), nullable=False),
    Column("signature", LargeBinary),
    _time("signed_at"),
    Column("stage", Text, nullable=False),
    Column("step", Text, comment="what the worker is doing within the stage"),
    Column("percent", SmallInteger, nullable=False, server_default=text("0")),
    Column("reorgs", Integer, nullable=False, server_default=text("0")),
    Column("error_code", Text),
    Column("error_detail", Text),
    Column("probe", JSONB, comment="what the probe measured"),
    Column("probe_attempts", SmallInteger, nullable=False, server_default=text("0")),
    Column("result", JSONB, comment="payload of stems.processed"),
    Column("last_event", Integer, nullable=False, server_default=text("0")),
    _now("created_at"),
    _now("updated_at"),
    CheckConstraint("percent between 0 and 100", name="uploads_percent_check"),
    CheckConstraint("(stage = 'failed') = (error_code is not null)", name="uploads_error_check"),
    Index(
        "uploads_one_live_per_creator",
        "chain_id",
        "content_hash",
        "owner",
        unique=True,
        postgresql_where=text("stage <> 'failed'"),
    ),
    Index(
        "uploads_one_signed_per_content",
        "chain_id",
        "content_hash",
        unique=True,
        postgresql_where=text("stage <> 'failed' and signature is not null"),
    ),
    Index(
        "uploads_unfinished_idx",
        "stage",
        "updated_at",
        postgresql_where=text("stage not in ('indexed', 'failed')"),
    ),
)

upload_events = Table(
    "upload_events",
    metadata,
    Column("upload_id", UUID, ForeignKey("app.uploads.id", ondelete="CASCADE"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("event", Text, nullable=False),
    Column("data", JSONB, nullable=False),
    _now("created_at"),
    PrimaryKeyConstraint("upload_id", "seq", name="upload_events_pkey"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("event_id", UUID, nullable=False, unique=True),
    Column("topic", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("attributes", JSONB, nullable=False),
    _now("created_at"),
    _time("published_at"),
    Index("outbox_unpublished_idx", "id", postgresql_where=text("published_at is null")),
)

transactions = Table(
    "transactions",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("job_id", UUID, ForeignKey("app.uploads.id"), nullable=False, unique=True),
    Column("chain_id", BigInteger, nullable=False),
    Column("recording_id", LargeBinary, nullable=False),
    Column("creator", LargeBinary, nullable=False),
    Column("stems_root", LargeBinary, nullable=False),
    Column("to_address", LargeBinary, nullable=False),
    Column("calldata", LargeBinary, nullable=False),
    Column("stage", Text, nullable=False),
    Column("key_address", LargeBinary),
    Column("nonce", BigInteger),
    Column("gas", BigInteger),
    Column("tx_hash", LargeBinary, comment="the transaction that was mined, by us or by an earlier one of ours"),
    Column("block_number", BigInteger),
    Column("block_hash", LargeBinary),
    Column("error_code", Text),
    Column("error_detail", Text),
    _now("created_at"),
    _now("updated_at"),
    UniqueConstraint("chain_id", "key_address", "nonce", name="transactions_one_per_nonce"),
    CheckConstraint("(nonce is null) = (key_address is null)", name="transactions_nonce_check"),
    CheckConstraint("(block_number is null) = (block_hash is null)", name="transactions_block_check"),
    Index("transactions_open_idx", "created_at", postgresql_where=text("stage not in ('final', 'failed')")),
)

transaction_attempts = Table(
    "transaction_attempts",
    metadata,
    Column("tx_hash", LargeBinary, primary_key=True),
    Column("transaction_id", UUID, ForeignKey("app.transactions.id"), nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("max_fee_per_gas", Numeric(78, 0), nullable=False),
    Column("max_priority_fee_per_gas", Numeric(78, 0), nullable=False),
    _now("signed_at"),
    _time("broadcast_at"),
    Column("broadcasts", Integer, nullable=False, server_default=text("0")),
    Column("last_error", Text),
    Index("transaction_attempts_transaction_id_idx", "transaction_id"),
)
