"""Every error that is the user's to mend: its message says what happened and what to do."""


class FaceCoreError(Exception):
    """Base of all errors that a page or the command line shows as one plain sentence."""


class MediaError(FaceCoreError):
    """A photo or video that cannot be read or written."""


class UnreadableImageError(MediaError):
    """Bytes that are no picture, or a broken one."""


class UnreadableVideoError(MediaError):
    """A file that is no video, has no frames, or is encrypted."""


class BrokenVideoError(UnreadableVideoError):
    """A video of which only some frames could be read; those came before this error.

    Args:
        message: the sentence for the user.
        frames_read: how many frames were handed out.
    """

    def __init__(self, message: str, frames_read: int) -> None:
        super().__init__(message)
        self.frames_read = frames_read


class MediaTooLargeError(MediaError):
    """A file over the byte limit, or one that decodes to more pixels than allowed."""


class VideoWriteError(MediaError):
    """The annotated video could not be written."""


class StorageError(FaceCoreError):
    """A temporary folder that is missing, full, or may not be written."""


class DetectorError(FaceCoreError):
    """A Haar cascade that is missing or cannot be loaded."""


class ModelError(FaceCoreError):
    """A model bundle that cannot be used."""


class ModelNotFoundError(ModelError):
    """No bundle of that name in the models folder."""


class InvalidModelCardError(ModelError):
    """A card.json that is unreadable or breaks the schema."""


class ChecksumMismatchError(ModelError):
    """A network file that is not the one its card describes."""


class ModelShapeError(ModelError):
    """A network whose input or output differs from its card."""


class DatasetError(FaceCoreError):
    """A data set that cannot be used."""


class DatasetNotFoundError(DatasetError):
    """The data set's files are not in the data folder."""


class InvalidDatasetError(DatasetError):
    """The data set's files do not have the expected layout."""


class UnsafeArchiveError(DatasetError):
    """An uploaded archive that could do harm when it is unpacked."""


class CorrectionsError(DatasetError):
    """A file of corrected labels that is damaged or does not fit its data set."""


class EvaluationError(FaceCoreError):
    """An evaluation that cannot be read or compared."""


class InvalidReportError(EvaluationError):
    """A report.json or predictions.npz that is damaged."""


class IncomparableReportsError(EvaluationError):
    """Evaluations of different images or labels, or of another network than the card's."""


class ConfigError(FaceCoreError):
    """A setting with an unknown name, a wrong type or an impossible value."""


class TrainingRunError(FaceCoreError):
    """A training run that cannot be started, stopped or continued."""
