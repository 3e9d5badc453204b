"""Content-addressed files behind one interface: local folders, Google Cloud Storage, IPFS."""

from stemma.cid import Blob, Cid
from stemma.storage.errors import (
    Corrupt,
    NotFound,
    RangeOutside,
    StorageError,
    StorageMisconfigured,
    TooLarge,
    Unavailable,
)
from stemma.storage.opening import open_storage, open_storage_at
from stemma.storage.storage import Stat, Storage

__all__ = [
    "Blob",
    "Cid",
    "Corrupt",
    "NotFound",
    "RangeOutside",
    "Stat",
    "Storage",
    "StorageError",
    "StorageMisconfigured",
    "TooLarge",
    "Unavailable",
    "open_storage",
    "open_storage_at",
]
