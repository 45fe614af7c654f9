"""The bytes of a sample's image: a file, or a record inside a RecordIO file. Decodes nothing."""

from mien.data import recordio
from mien.data.sample import Sample
from mien.errors import ImageError, ManifestError
from mien.image import DEFAULT_LIMITS, Limits, read_bytes


def read_encoded(sample: Sample, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """Read the encoded image of a sample.

    Raises:
        ImageError: missing, unreadable, over the limit on bytes, or no record there.
    """
    if sample.record is None:
        return read_bytes(sample.path, limits)
    try:
        return recordio.read_at(sample.path, sample.record).image
    except (OSError, ManifestError) as reason:
        raise ImageError(f"{sample.name} cannot be read: {reason}") from reason
