"""What can go wrong in a worker; what an artist hears of is in `stemma.audio.errors`, `stemma.messaging.failures`."""

from http import HTTPStatus

from stemma.errors import AppError


class ModelUnavailable(AppError):
    """The model that the settings ask for is neither in the repository nor to be fetched."""

    code = "model_unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "The separation model is not available"


class WeightsRefused(AppError):
    """A weights file is not the one it should be, byte for byte. It was not loaded."""

    code = "weights_refused"
    title = "The weights file has the wrong hash"


class WorkspaceRefused(AppError):
    """The scratch folder could be read by somebody else."""

    code = "workspace_refused"
    title = "The scratch folder is not this worker's own"


class SeparationCancelled(AppError):
    """The worker was told to stop; the job is tried again elsewhere."""

    code = "separation_cancelled"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "The separation was stopped"
