"""Enrols somebody who stands before a camera, and says meanwhile what to do: come nearer, hold still, more light.

A view is taken where enrolment with the policy "demand" would accept it: one person, within the recognizer's scope,
and no poor portrait. Several views are taken some time apart, all of the same face. Knows no terminal.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mien.data.sample import Sample, canonical_subject
from mien.errors import GalleryError
from mien.gallery.enrolment import EnrolmentReport, about_people, about_rights, recognizer_of
from mien.gallery.gallery import ONE_PERSON, Gallery
from mien.gallery.scoping import card_threshold, enrolment_policy
from mien.messages import Message
from mien.models import store
from mien.models.card import ModelCard
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.pipeline import Analysis, Pipeline, Refused, array_item, open_pipeline
from mien.pipeline.policy import Refusal
from mien.scope import Doubt, doubts_about, find_scope, unsuited
from mien.scope.aspects import sentence_about
from mien.settings import load_settings
from mien.types import Floats, Image, Threshold
from mien.video import LiveSource, SourceState
from mien.watch.people import Likeness
from mien.watch.watcher import make_likeness

VIEWS = 3
"""Views that are enrolled."""
APART = 0.7
"""Seconds between two of them, in which a face moves a little."""
LIMIT = 60.0
"""Seconds within which all views have to be taken."""
REFUSED: dict[Refusal, str] = {
    "no face": "nobody",
    "several faces": "several",
    "too small": "size",
    "broken": "nobody",
}
"""The instruction where an image has no face that counts."""
ORDER = ("size", "pose", "mask", "dark-lenses", "tones", "burnt-out", "sharpness", "grey")
"""Of several things that are wrong, the one that is said first: what explains the others."""

OnInstruction = Callable[[Message], None]


def ignore_instruction(instruction: Message) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    at: float
    analysis: Analysis
    embedding: Floats
    doubts: tuple[Doubt, ...]


def enrol_from_camera(
    gallery: str | Path,
    subject: str,
    source: str,
    *,
    count: int = VIEWS,
    limit: float = LIMIT,
    detector: str | None = None,
    recognizer: str | None = None,
    options: EngineOptions = DEFAULT_OPTIONS,
    strict: bool = False,
    on_instruction: OnInstruction = ignore_instruction,
) -> EnrolmentReport:
    """Enrol one subject from a camera or stream.

    Args:
        gallery: path or address; it is created if it is missing.
        subject: the name; a subject that is enrolled already gets these views too.
        source: camera:N, or the address of a stream.
        count: views that are enrolled.
        limit: seconds within which they have to be taken.
        detector: a model's name or the path of its card; by default the one of the settings.
        recognizer: as detector; by default the gallery's own.
        options: engine options.
        strict: whether views with a conflict are left out.
        on_instruction: called with what to do, each time that this changes.

    Raises:
        GalleryError: the name is empty, or there were not enough clear views in time; nothing is enrolled then.
        ImageError: the source cannot be opened.
        ContractError: the gallery holds another model's embeddings.
    """
    if not canonical_subject(subject):
        raise GalleryError("a subject needs a name that is not empty")
    model = store.load(recognizer_of(gallery, recognizer))
    pipeline = open_pipeline(detector or load_settings().detector, str(model.folder), options, many=False)
    live = LiveSource(source)
    try:
        views = _Taking(pipeline, model.card, live, count, limit, on_instruction).take()
    finally:
        live.close()
    opened = Gallery.create(gallery, model.card)
    try:
        # No file: a name of the camera says nothing of use, and frames are not kept.
        pairs = [(Sample(Path(live.name), subject), view.analysis) for view in views]
        policy = enrolment_policy(opened.store, "demand")
        doubts = [view.doubts for view in views]
        done = opened.enrol(pairs, model.card, strict=strict, doubts=doubts, policy=policy, sources=False)
        notes = (*about_rights(opened.store), *about_people(opened.store, model.card))
    finally:
        opened.close()
    return EnrolmentReport(tuple(done), model.card.unit, notes)


@dataclass(slots=True)
class _Taking:
    pipeline: Pipeline
    card: ModelCard
    live: LiveSource
    count: int
    limit: float
    on_instruction: OnInstruction
    views: list[_View] = field(default_factory=list)
    said: Message | None = None

    def take(self) -> Sequence[_View]:
        """Look at newest frames until there are enough views."""
        threshold = card_threshold(self.card)
        likeness = None if threshold is None else make_likeness(self.card, threshold)
        self.live.listen(self._state, self._in_time)
        for frame in self.live:
            self._in_time(frame.seconds)
            self._say(self._look(frame.image, frame.seconds, threshold, likeness))
            if len(self.views) == self.count:
                break
        return self.views

    def _look(self, image: Image, at: float, threshold: Threshold | None, likeness: Likeness | None) -> Message:
        """Take a view where it is good; what to do."""
        item = array_item(self.live.name, image)
        (analysis,) = self.pipeline.analyse_chunk([item], cutouts=True, only=ONE_PERSON)
        place = analysis.choose(ONE_PERSON)
        if isinstance(place, Refused):
            return Message(f"live.{REFUSED[place.status]}")
        scope = find_scope(analysis.cutouts[place], analysis.faces[place], portrait=True)
        doubts = doubts_about(scope, threshold)
        if wrong := unsuited(doubts):
            return instruction_about(wrong)
        view = _View(at, analysis, analysis.embeddings[place], doubts)
        if self.views and likeness is not None and not likeness.is_same(view.embedding, self.views[-1].embedding):
            self.views = [view]
            return Message("live.another")
        # A camera that sends one image again and again gives one view.
        is_new = analysis.sha256 not in {one.analysis.sha256 for one in self.views}
        if not self.views or (is_new and at - self.views[-1].at >= APART):
            self.views.append(view)
        return Message("live.good", {"count": len(self.views), "total": self.count})

    def _state(self, state: SourceState) -> None:
        if state.reason:
            self._say(Message(f"watch.lost-{state.reason}"))

    def _in_time(self, now: float) -> None:
        if now > self.limit:
            why = "" if self.said is None else f" (the last instruction was: {self.said.text('en')})"
            raise GalleryError(
                f"{self.live.name} gave {len(self.views)} of {self.count} clear views within {self.limit:.0f} seconds"
                f"{why}: nothing was enrolled; try again"
            )

    def _say(self, instruction: Message) -> None:
        if instruction != self.said:
            self.said = instruction
            self.on_instruction(instruction)


def instruction_about(doubts: Sequence[Doubt]) -> Message:
    """What to do about the first of the things that are wrong."""
    first = min(doubts, key=lambda one: ORDER.index(one.code) if one.code in ORDER else len(ORDER))
    return Message(f"live.{first.code}") if first.code in ORDER else sentence_about(first.code, first.value)
