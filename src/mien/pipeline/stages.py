"""The stages that every image goes through, as functions; embedding follows them.

read      an item's bytes or pixels
decode    a large JPEG as small as serves, a larger image of another format, or an array, averaged down
detect    the faces of a group of images together
choose    which face counts (mien.pipeline.policy)
refine    decode in full where the crop of a face would be magnified
align     the crop of a face

Every caller (enrolment, identification, comparison, preparation, embedding, checks and audits) goes through these, so
all see the same faces and give the same crops. Groups of images are limited by the bytes that they take. Whatever
goes wrong with one image is that image's fault alone, with a sentence that says so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from mien.align import align_face, magnification
from mien.detect.detector import Detector
from mien.detect.turning import detect_in_any_turn, detect_once
from mien.errors import DegenerateLandmarksError
from mien.faults import describe
from mien.image import DEFAULT_LIMITS, Encoded, Limits, open_encoded
from mien.image.pixels import average, whole_factor
from mien.pipeline.budget import Budget
from mien.pipeline.isolate import isolate
from mien.pipeline.items import Item, Loaded
from mien.settings import load_settings
from mien.templates import Template
from mien.types import Box, Face, Faces, Image, Photo, floats

DECODED = 1280
"""Pixels along the longer side down to which an image may be reduced while decoding: a face of an eighth of that
still fills a crop, and for smaller ones the file is decoded in full."""

SOFT = 1.15
"""How much a crop may magnify a reduced image before the file is decoded in full: a seventh is not seen by a
network that was trained on faces of all sharpnesses."""

GROUP = 32
"""Maximum number of images that go through the detector together."""

GROUP_BYTES = 128 * 2**20
"""Maximum size of the decoded images that go through the detector together, unless a single one has more. It does not
depend on the budget or the workers, since a detector's last digits depend on what it is given together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How images are read.

    Attributes:
        longest: an image may be decoded down to this many pixels along its longer side, or to the detector's longest
            side where that is more.
        limits: what is refused before it is decoded.
        budget: how many decoded bytes may be in memory at once.
        second_look: whether an image without a sure, upright face is shown to the detector again, turned by 90, 180
            and 270 degrees. Such an image then takes four times as long.
    """

    longest: int = DECODED
    limits: Limits = DEFAULT_LIMITS
    budget: Budget = field(default_factory=Budget)
    second_look: bool = field(default_factory=lambda: load_settings().second_look == "yes")


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """An item, and whether its faces have to be found.

    Attributes:
        item: the image.
        detect: False where the face is known; the image is then decoded in full.
        subject_only: whether the face that the image was taken of is enough, with its rivals; faces that are too
            small to be either may then be missing.
    """

    item: Item
    detect: bool = True
    subject_only: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ImageFaces:
    """What was found in one image.

    Attributes:
        loaded: the decoded image.
        faces: best first, in pixels of the decoded image; empty where detection was not wanted.
    """

    loaded: Loaded
    faces: Faces


@dataclass(frozen=True, slots=True)
class Broken:
    """An item that could not be decoded, or in which faces could not be looked for.

    Attributes:
        item: the image.
        reason: a sentence that names the item and says why.
        data: the encoded bytes; empty where they could not be read.
    """

    item: Item
    reason: str
    data: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class _Opened:
    """An item whose header was read: its file, or its pixels where it is an array."""

    wanted: Wanted
    content: Encoded | Image
    longest: int | None

    @property
    def held(self) -> int:
        """Bytes that it takes once it is decoded."""
        if isinstance(self.content, Encoded):
            return self.content.held_bytes(self.longest)
        height, width = self.content.shape[:2]
        return self.content.nbytes // whole_factor(width, height, self.longest) ** 2

    @property
    def extra(self) -> int:
        """Bytes that are taken for a moment: while it is decoded, turned, or cut from its full size."""
        if not isinstance(self.content, Encoded):
            return self.held
        width, height = self.content.size(self.longest)
        decoding = self.content.peak_bytes(self.longest) - (self.held - len(self.content.data))
        reduced = (width, height) != self.content.size(None)
        return max(decoding, width * height * 3, self.content.peak_bytes(None) if reduced else 0)


def find_faces(
    wanted: Sequence[Wanted], detector: Detector, reading: ReadOptions
) -> Iterator[list[ImageFaces | Broken]]:
    """Read, decode and detect, in groups that fit the budget.

    Args:
        wanted: the images.
        detector: finds the faces of a group together.
        reading: how images are decoded, and how many bytes they may take.

    Yields:
        For each group what was found in each of its images, in the order of `wanted`. The images of a group are
        released when the next one is asked for: use them before.
    """
    for group in _groups(wanted, detector, reading):
        opened = [one for one in group if isinstance(one, _Opened)]
        needed = sum(one.held for one in opened) + max((one.extra for one in opened), default=0)
        with reading.budget.hold(needed):
            yield _detect(group, detector, reading)


def _groups(wanted: Sequence[Wanted], detector: Detector, reading: ReadOptions) -> Iterator[list["_Opened | Broken"]]:
    """Open items until a group is full."""
    group: list[_Opened | Broken] = []
    held = 0
    for one in wanted:
        opened = _open(one, detector, reading)
        size = opened.held if isinstance(opened, _Opened) else 0
        if group and (len(group) == GROUP or held + size > GROUP_BYTES):
            yield group
            group, held = [], 0
        group.append(opened)
        held += size
    if group:
        yield group


def _open(wanted: Wanted, detector: Detector, reading: ReadOptions) -> "_Opened | Broken":
    """Read an item up to its header."""
    item = wanted.item
    longest = max(reading.longest, detector.longest) if wanted.detect else None
    content: bytes | Image = b""
    try:
        content = item.read(reading.limits)
        if isinstance(content, bytes):
            return _Opened(wanted, open_encoded(content, item.name, reading.limits), longest)
    except Exception as reason:  # noqa: BLE001 - one file's fault, whatever it is
        return Broken(item, describe(reason, item.name), content if isinstance(content, bytes) else b"")
    return _Opened(wanted, content, longest)


def _detect(
    group: Sequence["_Opened | Broken"], detector: Detector, reading: ReadOptions
) -> list[ImageFaces | Broken]:
    """Decode a group, and find the faces of those in which they are wanted, all together."""
    loaded = [one if isinstance(one, Broken) else _decode(one) for one in group]
    look = partial(detect_in_any_turn if reading.second_look else detect_once, detector)
    faces: dict[int, Faces | Exception] = {}
    for subject_only in (False, True):
        sought = {
            place: image.photo.image
            for place, (one, image) in enumerate(zip(group, loaded, strict=True))
            if isinstance(image, Loaded) and _is_sought(one, subject_only)
        }
        found = isolate(partial(look, subjects_only=subject_only), list(sought.values()))
        faces.update(zip(sought, found, strict=True))
    return [
        image if isinstance(image, Broken) else _with_faces(image, faces.get(place, ()))
        for place, image in enumerate(loaded)
    ]


def _is_sought(one: "_Opened | Broken", subject_only: bool) -> bool:
    """Whether faces of an item are wanted, and whether its subject is enough."""
    return isinstance(one, _Opened) and one.wanted.detect and one.wanted.subject_only == subject_only


def _with_faces(loaded: Loaded, faces: Faces | Exception) -> ImageFaces | Broken:
    if isinstance(faces, Exception):
        return Broken(loaded.item, describe(faces, loaded.item.name), loaded.data)
    return ImageFaces(loaded, faces)


def _decode(opened: _Opened) -> Loaded | Broken:
    item, content = opened.wanted.item, opened.content
    try:
        if isinstance(content, Encoded):
            return Loaded(item, content.data, content.decode(opened.longest))
        height, width = content.shape[:2]
        return Loaded(item, b"", Photo(average(content, whole_factor(width, height, opened.longest)), width, height))
    except Exception as reason:  # noqa: BLE001 - one file's fault, whatever it is
        return Broken(item, describe(reason, item.name), content.data if isinstance(content, Encoded) else b"")


def refine(found: ImageFaces, faces: Faces, template: Template, limits: Limits = DEFAULT_LIMITS) -> ImageFaces:
    """Decode a reduced image in full where it shows one of the faces with fewer pixels than a crop has.

    Args:
        found: an image.
        faces: those of its faces whose crops are wanted, in pixels of the decoded image.
        template: of the crops.
        limits: what is refused.

    Returns:
        The image, perhaps at its full size, and the wanted faces in its pixels.
    """
    photo = found.loaded.photo
    if photo.reduction == 1 or all(magnification(face, template) <= SOFT for face in faces):
        return ImageFaces(found.loaded, faces)
    return ImageFaces(found.loaded.in_full(limits), tuple(to_source(face, photo) for face in faces))


def align_faces(found: ImageFaces, template: Template, size: int) -> list[Image | None]:
    """Cut the crop of each face.

    Returns:
        For each face (size, size, 3) uint8 RGB; None where its landmarks fix no pose.
    """
    return [_align(found.loaded.photo.image, face, template, size) for face in found.faces]


def _align(image: Image, face: Face, template: Template, size: int) -> Image | None:
    try:
        return align_face(image, face, template, size)
    except DegenerateLandmarksError:
        return None


def to_source(face: Face, photo: Photo) -> Face:
    """A face in pixels of the source, from one in pixels of the decoded image."""
    if photo.reduction == 1:
        return face
    x, y = photo.width / photo.image.shape[1], photo.height / photo.image.shape[0]
    box = Box(face.box.x1 * x, face.box.y1 * y, face.box.x2 * x, face.box.y2 * y)
    return replace(face, box=box, landmarks=face.landmarks * floats([x, y]))


def to_decoded(box: Box, photo: Photo) -> Box:
    """A box in pixels of the decoded image, from one in pixels of the source."""
    x, y = photo.image.shape[1] / photo.width, photo.image.shape[0] / photo.height
    return Box(box.x1 * x, box.y1 * y, box.x2 * x, box.y2 * y)
