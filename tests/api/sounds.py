"""Audio files, good and bad, made on the spot."""

import io

import numpy as np
import soundfile

RATE = 44_100


def tone(seconds: float = 2.0, *, pitch: float = 220.0, subtype: str = "PCM_16") -> bytes:
    """A stereo sine as a WAV file; another pitch is another recording."""
    time = np.arange(int(seconds * RATE)) / RATE
    return wav(np.stack([0.4 * np.sin(2 * np.pi * pitch * time)] * 2, axis=1), subtype)


def wav(samples: np.ndarray, subtype: str = "PCM_16") -> bytes:
    """Samples [frames, channels] as a WAV file."""
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="WAV", subtype=subtype)
    return file.getvalue()


def silence(seconds: float) -> bytes:
    return wav(np.zeros((int(seconds * RATE), 2)))


def not_numbers() -> bytes:
    samples = np.full((RATE, 2), 0.1)
    samples[1000] = np.nan
    return wav(samples, "FLOAT")


def text_named_wav() -> bytes:
    return b"This is a diary, not a recording.\n" * 200


def without_samples() -> bytes:
    return wav(np.zeros((0, 2)))
