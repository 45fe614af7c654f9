"""The exception tree. Owns what can go wrong and nothing else.

    MienError
    ├── ImageError              a file or byte string that is not a usable image
    │   └── ScopeError          a face outside of what recognizers are measured on, where that is demanded
    ├── DegenerateLandmarksError   landmarks that fix no pose
    ├── ManifestError           a table of samples that cannot be read
    ├── OutputError             a place where writing would destroy what is not mien's
    ├── RuleError               rules for portraits that are malformed
    ├── AuditError              a folder that cannot be audited, or a report that cannot be written
    ├── ModelError
    │   ├── CardError           a card that is malformed, or does not fit its file
    │   ├── ModelNotFoundError  no such model in the store or the catalogue
    │   ├── LicenceError        weights whose licence was not accepted
    │   └── DownloadError       a transfer that failed or gave other bytes
    ├── TrainingError
    │   ├── RecipeError         a recipe that is malformed, or that its data cannot follow
    │   ├── CheckpointError     a checkpoint that cannot be read or written, or is of another network
    │   ├── NonFiniteError      a loss or gradient that is NaN or infinite
    │   └── ExportOptionError   an option that does not apply to what is exported
    ├── ResumeError             a folder of unfinished work that cannot be continued with these settings
    ├── WorkerError             a cluster that cannot be reached
    ├── LanguageError           a language or a message that there is not, or a catalogue that is malformed
    ├── SettingsError           a setting that is unknown or has an unfit value
    ├── MissingExtraError       a part of mien that is not installed
    ├── ContractError           values of two models that cannot be compared
    └── GalleryError
        ├── SubjectNotFoundError
        ├── SampleNotFoundError
        ├── MasterKeyError      a master key that is missing, malformed or not the gallery's
        └── SubjectStateError   a subject that may not be recognized now, or cannot be

Every message is one sentence that names the file, row or value and the remedy.
"""


class MienError(Exception):
    """Anything that mien reports to its user as a sentence, not as a trace.

    Example:
        >>> try:
        ...     mien.read_image("nobody.jpg")
        ... except mien.MienError as error:
        ...     print(error)
        nobody.jpg does not exist
    """


class ImageError(MienError):
    """A file or byte string that is not a usable image."""


class ScopeError(ImageError):
    """A face outside of what the recognizer was measured on, where the policy of scope demands otherwise."""


class DegenerateLandmarksError(MienError):
    """Landmarks so close to one point that no similarity fits them."""


class ManifestError(MienError):
    """A table of samples that cannot be read."""


class OutputError(MienError):
    """A place where an output would replace something that was read, or that mien did not make."""


class RuleError(MienError):
    """Rules for portraits that cannot be read, or that name what there is not."""


class AuditError(MienError):
    """A folder that cannot be audited, or a place where nothing can be written."""


class ModelError(MienError):
    """A model that cannot be used."""


class CardError(ModelError):
    """A card that is malformed, or that does not fit its file."""


class ModelNotFoundError(ModelError):
    """No model of this name in the store or the catalogue."""


class LicenceError(ModelError):
    """Weights whose licence has to be accepted first."""


class DownloadError(ModelError):
    """A transfer that failed, or that gave other bytes than were promised."""


class TrainingError(MienError):
    """A training that cannot start or go on."""


class RecipeError(TrainingError):
    """A recipe that is malformed, or that its data cannot follow."""


class CheckpointError(TrainingError):
    """A checkpoint that cannot be read or written, or that is of another network."""


class NonFiniteError(TrainingError):
    """A loss or a gradient that is NaN or infinite."""


class ExportOptionError(TrainingError):
    """An option of an export that does not apply to what is exported."""


class ResumeError(MienError):
    """A folder of unfinished work that cannot be continued with these settings."""


class WorkerError(MienError):
    """A cluster that cannot be reached, or that loses what works on it."""


class SettingsError(MienError):
    """A setting that is unknown, or a value that does not fit it."""


class LanguageError(MienError):
    """A language without a catalogue, a message without a text, or a catalogue that is malformed."""


class MissingExtraError(MienError):
    """A part of mien that is not installed."""


class ContractError(MienError):
    """Two values from different models, which cannot be compared."""


class GalleryError(MienError):
    """A gallery that cannot be opened, read or changed."""


class SubjectNotFoundError(GalleryError):
    """No subject of this name or id in the gallery."""


class SampleNotFoundError(GalleryError):
    """No sample of this id in the gallery."""


class MasterKeyError(GalleryError):
    """A master key that is missing or malformed, or that is not the one of the gallery."""


class SubjectStateError(GalleryError):
    """A subject that is suspended, lacks consent, or has nothing to be compared with."""
