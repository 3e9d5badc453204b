"""Where the model comes from: the operator's folder, the publisher, or this package's own small model."""

import os
import tempfile
import time
from pathlib import Path
from typing import Literal

import httpx
import structlog

from stem_worker.errors import ModelUnavailable, WeightsRefused
from stem_worker.model import StemModel
from stem_worker.weights import HTDEMUCS_6S, PublishedModel, WeightsFile, check_hash, load_folder, load_published

Choice = Literal["auto", "htdemucs_6s", "demucs-tiny-synth"]

TINY_MODEL = "demucs-tiny-synth"
TINY_FOLDER = Path(__file__).parent / "models" / TINY_MODEL

CONNECT_SECONDS = 3.0
READ_SECONDS = 20.0
FETCH_SECONDS = 900.0

log = structlog.get_logger("model")


class ModelRepository:
    """A folder of weights files, filled by the operator or by fetching.

    Args:
        folder: STEM_MODEL_REPO; None means that there is none, and that nothing is fetched.
        published: the model to look for.
    """

    def __init__(self, folder: Path | None, published: PublishedModel = HTDEMUCS_6S) -> None:
        self._folder = folder
        self._published = published

    def load(self, choice: Choice) -> StemModel:
        """The model that the setting STEM_MODEL asks for.

        Raises:
            ModelUnavailable: the setting insists on the published model, and it cannot be had.
        """
        if choice == TINY_MODEL:
            return load_folder(TINY_FOLDER)
        try:
            return self._load_published()
        except ModelUnavailable as error:
            if choice != "auto":
                raise
            _announce_small_model(self._published.name, error.detail)
            return load_folder(TINY_FOLDER)

    def _load_published(self) -> StemModel:
        if self._folder is None:
            raise ModelUnavailable("STEM_MODEL_REPO is not set, so there is no folder to look for weights in")
        reasons = []
        for obtain in (self._read, self._fetch):
            for file in self._published.files:
                try:
                    model = load_published(self._published, file, obtain(file))
                except (OSError, httpx.HTTPError, WeightsRefused) as error:
                    log.debug("weights not usable", file=file.name, reason=str(error))
                    if not isinstance(error, FileNotFoundError):
                        reasons.append(f"{file.name}: {error or type(error).__name__}")
                    if isinstance(error, WeightsRefused):
                        log.error("weights refused", file=file.name, reason=error.detail)
                    continue
                log.info("model loaded", model=model.version, weights=model.weights_sha256.hex())
                return model
        raise ModelUnavailable(
            f"no usable weights of {self._published.name} in {self._folder}, and they could not be fetched"
            f" ({'; '.join(reasons)})"
        )

    def _read(self, file: WeightsFile) -> bytes:
        return self._path(file).read_bytes()

    def _fetch(self, file: WeightsFile) -> bytes:
        if self._path(file).exists():
            raise WeightsRefused(f"{self._path(file)} is in the way; remove it to have it fetched anew")
        log.info("fetching weights", url=file.url)
        data = _download(file)
        check_hash(data, file.sha256, file.name)
        self._keep(file, data)
        return data

    def _keep(self, file: WeightsFile, data: bytes) -> None:
        """Write whole or not at all: other workers may look at the same moment, and this one may be killed."""
        target = self._path(file)
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{file.name}.", delete=False) as part:
            try:
                part.write(data)
                part.flush()
                os.fsync(part.fileno())
                Path(part.name).replace(target)
            except OSError:
                Path(part.name).unlink(missing_ok=True)
                raise

    def _path(self, file: WeightsFile) -> Path:
        assert self._folder is not None
        return self._folder / file.name


def _download(file: WeightsFile) -> bytes:
    """The bytes at the file's address, no more than it may have, within the time.

    Raises:
        httpx.HTTPError: no connection, an error status, too slow.
        WeightsRefused: more bytes than the file can have.
    """
    began, data = time.monotonic(), bytearray()
    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    with httpx.stream("GET", file.url, timeout=timeout, follow_redirects=True) as response:
        response.raise_for_status()
        for piece in response.iter_bytes():
            data += piece
            if len(data) > file.max_bytes:
                raise WeightsRefused(f"{file.url} sends more than {file.max_bytes} bytes", file=file.name)
            if time.monotonic() - began > FETCH_SECONDS:
                raise httpx.ReadTimeout(f"{file.url} did not arrive within {FETCH_SECONDS:.0f} seconds")
    return bytes(data)


def _announce_small_model(wanted: str, reason: str) -> None:
    line = "!" * 78
    for text in (
        line,
        f"!!  {wanted} IS NOT AVAILABLE: SEPARATING WITH THE SMALL MODEL {TINY_MODEL}",
        "!!  It was trained on synthesized songs only. On real music its stems are poor.",
        f"!!  Results carry its own name. To use {wanted}, put its weights in STEM_MODEL_REPO.",
        line,
    ):
        log.warning(text)
    log.warning("small model in use", model=TINY_MODEL, wanted=wanted, reason=reason)
