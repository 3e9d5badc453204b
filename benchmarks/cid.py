"""SHA-256 and UnixFS CID of a stream in one pass, against one plain SHA-256 of the same bytes in the same run.

Every byte is hashed twice, once for the whole and once for its leaf, so a ratio of 2 is the floor for one thread.
The last line is one JSON object; seconds are the best of the rounds.
"""

import hashlib
import json
import random
import time
from collections.abc import Callable

from stemma.cid import ContentHasher, identify

MEBIBYTE = 1_048_576
SIZE = 64 * MEBIBYTE
ROUNDS = 7


def main() -> None:
    data = random.Random(1).randbytes(SIZE)
    plain, cid, uploaded = (
        best(lambda: hashlib.sha256(data).digest()),
        best(lambda: identify(data)),
        best(lambda: in_pieces(data, 65_536)),
    )
    print(f"SHA-256 alone {rate(plain)}, with CID {rate(cid)}, with CID in pieces of 64 KiB {rate(uploaded)}")
    print(
        json.dumps(
            {
                "bytes": SIZE,
                "sha256Seconds": round(plain, 4),
                "cidSeconds": round(cid, 4),
                "cidInPiecesSeconds": round(uploaded, 4),
                "ratio": round(cid / plain, 3),
                "ratioInPieces": round(uploaded / plain, 3),
            }
        )
    )


def in_pieces(data: bytes, step: int) -> None:
    hasher = ContentHasher()
    for start in range(0, len(data), step):
        hasher.update(data[start : start + step])
    hasher.finish()


def best(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def rate(seconds: float) -> str:
    return f"{SIZE / MEBIBYTE / seconds:.0f} MiB/s"


if __name__ == "__main__":
    main()
