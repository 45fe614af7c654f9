"""Identification of images: every face of every image is searched in a gallery, with a decision."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.gallery.decide import Identification
from mien.gallery.gallery import Gallery
from mien.gallery.identity import recognizer_of
from mien.gallery.scoping import Scoped, measured
from mien.gallery.thresholds import choose_threshold
from mien.gallery.video_identification import (
    IdentifiedTrack,
    IdentifiedVideo,
    OnTrack,
    identify_video,
)
from mien.messages import Message
from mien.models import store
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.pipeline import Item, Pipeline, open_pipeline
from mien.progress import OnProgress, no_progress, report_progress
from mien.scope import Scope, scope_policy
from mien.settings import load_settings
from mien.types import Faces, Threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifiedImage:
    """Who was found in one image.

    Attributes:
        item: the image.
        width: of the upright image in pixels; 0 where it could not be read.
        height: of the upright image in pixels; 0 where it could not be read.
        faces: best first, in pixels of the image; those whose landmarks fix no pose are left out.
        people: the decision on each face, with its candidates.
        scopes: whether measured rates hold for each face; empty where the policy ignores that.
        error: why the image could not be read, or None.
    """

    item: Item
    width: int
    height: int
    faces: Faces
    people: tuple[Identification, ...]
    scopes: tuple[Scope, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class IdentificationReport:
    """Who was found in all images.

    Attributes:
        images: in the order in which they were given.
        threshold: what all decisions rest on.
        notes: for whom it holds, where that has to be said.
        videos: in the order in which they were given.
    """

    images: tuple[IdentifiedImage, ...]
    threshold: Threshold
    notes: tuple[Message, ...] = ()
    videos: tuple[IdentifiedVideo, ...] = ()

    @property
    def people(self) -> tuple[Identification, ...]:
        """The decision on every face of an image, and on every followed face of a video."""
        images = [person for one in self.images for person in one.people]
        return (*images, *(track.person for one in self.videos for track in one.tracks))

    @property
    def faces(self) -> int:
        """Number of faces; a followed face of a video is one."""
        return len(self.people)

    @property
    def known(self) -> int:
        """Number of faces that were recognized."""
        return sum(person.subject is not None for person in self.people)

    @property
    def uncertain(self) -> int:
        """Number of faces for which the threshold's rate does not hold."""
        return sum(person.is_uncertain for person in self.people)

    @property
    def failed(self) -> int:
        """Number of images and videos that could not be read, or not to their end."""
        errors = [*(one.error for one in self.images), *(one.error for one in self.videos)]
        return sum(error is not None for error in errors)

    @property
    def has_read(self) -> bool:
        """Whether any image was read, or a frame of any video."""
        return any(one.error is None for one in self.images) or any(one.frames for one in self.videos)


OnImage = Callable[[IdentifiedImage], None]


def ignore_image(image: IdentifiedImage) -> None:
    """Wait for the report; the default of functions that take a callback."""


def ignore_track(track: IdentifiedTrack) -> None:
    """Wait for the report."""


def identify(
    gallery: str | Path,
    sources: Sequence[Path | Item],
    *,
    fmr: float | None = None,
    count: int = 5,
    detector: str | None = None,
    recognizer: str | None = None,
    scope: str | None = None,
    options: EngineOptions = DEFAULT_OPTIONS,
    videos: Sequence[str] = (),
    on_image: OnImage = ignore_image,
    on_track: OnTrack = ignore_track,
    on_progress: OnProgress = no_progress,
) -> IdentificationReport:
    """Decide who every face of images and every followed face of videos is, or that it is unknown.

    Args:
        gallery: path or address.
        sources: image files, or items made of bytes or arrays.
        fmr: false match rate of one comparison, whose threshold decides; by default the one of the settings. The
            gallery's own people go before the model's card; see mien.gallery.thresholds.
        count: maximum number of candidates per face.
        detector: a model's name or the path of its card; by default the one of the settings.
        recognizer: as detector; by default the gallery's own.
        scope: what to do with a face for which the measured rate does not hold: "demand" refuses it, "warn" (or
            "auto") decides "uncertain", "ignore" does not look; by default the setting.
        options: engine options.
        videos: files, or camera:N; see mien.gallery.video_identification for what a decision rests on.
        on_image: called with each image as soon as it is done.
        on_track: called with each followed face of a video when it has left.
        on_progress: called after each image.

    Raises:
        ContractError: the gallery holds another model's embeddings.
        CardError: there is no threshold for that rate.

    Example:
        >>> report = mien.identify("staff.gallery", [Path("door.jpg")])
        >>> [person.decision for image in report.images for person in image.people]
        ['Eileen Collins']
    """
    settings = load_settings()
    model = store.load(recognizer_of(gallery, recognizer))
    opened = Gallery.open(gallery, model.card)
    try:
        chosen = choose_threshold(opened.store, model.card, settings.identification_fmr if fmr is None else fmr)
        pipeline = open_pipeline(
            detector or settings.detector, str(model.folder), options, many=len(sources) > 1 or bool(videos)
        )
        found = identify_images(opened, sources, pipeline, chosen.threshold, count, scope)
        images = []
        for one in report_progress(found, "identifying", len(sources), on_progress):
            on_image(one)
            images.append(one)
        policy = scope_policy(scope)
        watched = [
            identify_video(
                opened, name, pipeline, chosen.threshold, count, policy, on_track=on_track, on_progress=on_progress
            )
            for name in videos
        ]
    finally:
        opened.close()
    return IdentificationReport(tuple(images), chosen.threshold, chosen.notes, tuple(watched))


def identify_images(
    gallery: Gallery,
    sources: Sequence[Path | Item],
    pipeline: Pipeline,
    threshold: Threshold,
    count: int = 5,
    scope: str | None = None,
) -> Iterable[IdentifiedImage]:
    """Identify images in their order with opened models; see identify.

    Raises:
        ContractError: the threshold was measured for another model than the gallery's.
    """
    policy = scope_policy(scope)
    analyses = pipeline.analyse(sources, cutouts=policy != "ignore")
    for one in measured(analyses, policy, pipeline.workers if len(sources) > 1 else 0):
        yield identify_analysis(gallery, one, threshold, count, demand=policy == "demand")


def identify_analysis(
    gallery: Gallery, scoped: Scoped, threshold: Threshold, count: int = 5, *, demand: bool = False
) -> IdentifiedImage:
    """Decide on the faces of an image that went through the pipeline."""
    analysis, doubts = scoped.analysis, scoped.doubts(threshold)
    people = (
        gallery.identify(analysis.embeddings, threshold, count, doubts=doubts, demand=demand)
        if analysis.faces
        else []
    )
    return IdentifiedImage(
        item=analysis.item,
        width=analysis.width,
        height=analysis.height,
        faces=analysis.faces,
        people=tuple(people),
        scopes=scoped.scopes,
        error=analysis.error,
    )
