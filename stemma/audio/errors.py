"""What can be wrong with somebody's audio file."""

from http import HTTPStatus

from stemma.errors import AppError


class AudioError(AppError):
    """The file cannot be taken, today or ever: trying again would not help."""

    code = "audio_rejected"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "The audio cannot be used"


class AudioUnreadable(AudioError):
    """No known audio format, or damaged beyond decoding."""

    code = "audio_unreadable"
    title = "The file is not audio that can be decoded"


class AudioEmpty(AudioError):
    """No bytes, or a container without a single sample."""

    code = "audio_empty"
    title = "The file holds no audio"


class AudioTruncated(AudioError):
    """It ends before the length that its own header claims."""

    code = "audio_truncated"
    title = "The audio is cut off"


class AudioTooShort(AudioError):
    """Shorter than the limit; `seconds` says how long it is."""

    code = "audio_too_short"
    title = "The audio is too short"


class AudioTooLong(AudioError):
    """Longer than the limit."""

    code = "audio_too_long"
    title = "The audio is too long"


class AudioSilent(AudioError):
    """Nothing in it rises above the noise floor."""

    code = "audio_silent"
    title = "The audio is silent"


class AudioNotFinite(AudioError):
    """It holds NaN or infinite samples; `seconds` says where the first is."""

    code = "audio_not_finite"
    title = "The audio holds samples that are not numbers"


class AudioOutOfRange(AudioError):
    """Its samples are numbers, but far louder than any recording."""

    code = "audio_out_of_range"
    title = "The audio is absurdly loud"
