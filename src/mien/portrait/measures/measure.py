"""What a measure is, and what comes of taking one: a value, a value with its standard deviation, or a reason why not.

Owns both values. Knows no measure by name and compares nothing with a limit.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mien.messages import Message
from mien.portrait.measures.face_chip import FaceChip, PortraitImage
from mien.portrait.measures.pose import Angle

NO_FACE = Message("reason.no-face")


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of taking a measure.

    Attributes:
        value: in the measure's unit; None where it could not be taken.
        sd: its standard deviation where it is known; else 0.
        quality: 0 to 100 as in ISO/IEC 29794-5; None where there is none.
        reason: why there is no value; None where there is one.
    """

    value: float | None
    sd: float = 0.0
    quality: float | None = None
    reason: Message | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A measure. What it is called is `measure.NAME.name` in the catalogues of messages.

    Attributes:
        unit: of its value; empty for shares and ratios.
        of_face: takes it of a face, or says why it cannot be taken; None for measures that need no face.
        of_image: takes it of an image, whether or not there is a face.
        quality: value to 0..100; None where more or less is neither better nor worse.
        zone: the part of the face that it reads; empty for the whole image.
        absent: the reason where it has no value although there is a face.
        has_sd: whether its values have a standard deviation.
        title: what it is called where the catalogues do not say.
    """

    unit: str = ""
    of_face: Callable[[FaceChip], float | Angle | Message | None] | None = None
    of_image: Callable[[PortraitImage], float | None] | None = None
    quality: Callable[[float], float] | None = None
    zone: str = "face"
    absent: Message = NO_FACE
    has_sd: bool = False
    title: str = ""

    def take(self, portrait: PortraitImage, chip: FaceChip | None) -> Measured:
        """Take the measure of an image and its face, if there is one."""
        if self.of_image is not None:
            return self._measured(self.of_image(portrait), self.absent)
        if self.of_face is None or chip is None:
            return Measured(None, reason=NO_FACE)
        return self._measured(self.of_face(chip), self.absent)

    def _measured(self, found: float | Angle | Message | None, absent: Message) -> Measured:
        if found is None or isinstance(found, Message):
            return Measured(None, reason=found or absent)
        value, sd = (found.value, found.sd) if isinstance(found, Angle) else (found, 0.0)
        return Measured(value, sd, None if self.quality is None else round(self.quality(value), 2))
