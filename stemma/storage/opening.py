"""From settings to a Storage."""

from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from stemma.storage.backend import Backend
from stemma.storage.errors import StorageMisconfigured
from stemma.storage.local import LocalBackend
from stemma.storage.storage import Storage


class StorageSettings(Protocol):
    """The part of the settings that storage needs."""

    storage_url: str
    public_storage_url: str


def open_storage(settings: StorageSettings) -> Storage:
    """The storage of STORAGE_URL and PUBLIC_STORAGE_URL. Raises StorageMisconfigured."""
    return open_storage_at(settings.storage_url, settings.public_storage_url)


def open_storage_at(storage_url: str, public_storage_url: str = "") -> Storage:
    """The storage of these URLs; use it with ``async with``, or close it with ``aclose``.

    Args:
        storage_url: ``file:///folder`` or ``gs://bucket[/prefix]``; private files go to ``private/`` in it.
        public_storage_url: the same, with public files in ``public/``, or ``ipfs+http[s]://host:port``, the RPC address
            of a Kubo node. Empty: the same place as ``storage_url``.

    Raises:
        StorageMisconfigured: a URL names nothing that can be used, or private files would go to IPFS.
    """
    if urlsplit(storage_url).scheme.startswith("ipfs"):
        raise StorageMisconfigured("STORAGE_URL also holds private files, and IPFS keeps nothing private.")
    return Storage(
        _open_backend(storage_url, private=True), _open_backend(public_storage_url or storage_url, private=False)
    )


def _open_backend(url: str, *, private: bool) -> Backend:
    """The backend modules of remote places are imported only where they are used: they cost a second."""
    parts = urlsplit(url)
    section = "private" if private else "public"
    match parts.scheme:
        case "file" if parts.netloc in ("", "localhost") and parts.path.startswith("/"):
            return LocalBackend(Path(unquote(parts.path)) / section, private=private)
        case "gs" if parts.netloc:
            from stemma.storage.gcs import GcsBackend

            return GcsBackend(parts.netloc, "/".join(filter(None, [unquote(parts.path).strip("/"), section])))
        case "ipfs+http" | "ipfs+https" if parts.netloc:
            from stemma.storage.ipfs import IpfsBackend

            return IpfsBackend(parts._replace(scheme=parts.scheme.removeprefix("ipfs+")).geturl())
        case _:
            raise StorageMisconfigured(f"Not a storage URL: {url!r}")
