"""The software that a separation ran on; part of what it would take to repeat it."""

import platform
import subprocess
from functools import lru_cache
from importlib.metadata import version

from stemma.audio.ffmpeg import executable


@lru_cache(maxsize=1)
def describe_runtime() -> dict[str, str]:
    """Versions of what decodes, separates and encodes."""
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "demucs": version("demucs"),
        "numpy": version("numpy"),
        "soundfile": version("soundfile"),
        "ffmpeg": _ffmpeg_version(),
        "stemma": version("stemma"),
    }


def _ffmpeg_version() -> str:
    done = subprocess.run([executable(), "-version"], capture_output=True, text=True, check=True, timeout=20)  # noqa: S603
    return done.stdout.split()[2]
