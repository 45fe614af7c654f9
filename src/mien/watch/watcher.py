"""Frame by frame: tracks collect samples, are compared when a look is due, and say what happens to them.

Composes the other modules of this room. Reads no video, opens no model and knows no terminal.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from mien.align import cut_out
from mien.detect.motion import touching
from mien.detect.stream import TrackedFrame
from mien.errors import CardError, DegenerateLandmarksError
from mien.gallery.decide import Identification
from mien.gallery.gallery import Gallery, encode_portrait
from mien.gallery.records import Portrait
from mien.messages import Message
from mien.models.card import ModelCard
from mien.recognize.recognizer import Recognizer
from mien.scope import ScopePolicy
from mien.scope.aspects import sentence_about
from mien.scores import similarity
from mien.types import Face, Floats, Image, Threshold
from mien.watch.compare import identify_track, most_alike
from mien.watch.events import Kind, WatchEvent
from mien.watch.looks import ONLY, LookPlan
from mien.watch.people import Likeness, People, Person
from mien.watch.samples import Measured, Sample, measure_face

PATIENCE = 1.0
"""Seconds for which a face that is not found counts as in sight."""
RETURN = 5.0
"""Seconds within which a face that was out of sight gets its number back."""
HOLD = 2.0
"""Seconds for which a new track waits for a sample that says whether it is somebody who returns or is ignored."""
SURE = 3
"""Samples of a new track that is somewhat like a person who is ignored, from which on it does not wait."""
MIN_DETECTIONS = 2
"""Detections from which on a face is reported: detectors find faces for a single frame where there are none."""
TOUCH = 0.05
"""Overlap (IoU) of two boxes from which on their tracks may have been exchanged."""
WAIT = 3.0
"""Seconds after its first sample when a track that is compared once is compared with the samples that it has."""
UNKNOWN_SAMPLES = 5
"""Samples that are kept of a track without a name."""
LINK_FMR = 1e-3
"""False match rate at which two tracks are taken for one person's. A track meets only those who were lost within a
few seconds, so mistakes are far rarer than where a gallery is searched."""


FindIgnored = Callable[[str], Sequence[Floats]]
"""The samples of each person who is ignored, (N, D) float32, as far as they are of an embedding contract."""


def ignore_nobody(contract: str) -> Sequence[Floats]:
    """Nobody is ignored."""
    return ()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WatchSetting:
    """What a watcher works with.

    Attributes:
        gallery: is open.
        recognizer: the gallery's own.
        plan: when a track is compared, and what decides.
        likeness: from which scores on tracks show one person.
        scope: "ignore" lets every face count.
        keep_unknown: whether tracks that leave without a name give their samples, with portraits.
        ignored: gives the samples of each person of whom nothing is said.
    """

    gallery: Gallery
    recognizer: Recognizer
    plan: LookPlan
    likeness: Likeness
    scope: ScopePolicy = "warn"
    keep_unknown: bool = False
    ignored: FindIgnored = ignore_nobody


@dataclass(frozen=True, slots=True, eq=False)
class WatchedFrame:
    """A frame with whom it shows.

    Attributes:
        seen: the frame and its faces.
        people: the number and the decision of each face; number 0 where it is not reported yet.
        events: what happened.
    """

    seen: TrackedFrame
    people: tuple[tuple[int, str], ...]
    events: tuple[WatchEvent, ...]


@dataclass(slots=True)
class Watcher:
    """Watches one source."""

    source: str
    setting: WatchSetting
    pause: float
    """Seconds from one detection to the next."""
    count: int = 0
    latest: float | None = None
    steps: deque[float] = field(default_factory=lambda: deque(maxlen=2))
    """Seconds between the last three frames in which faces were sought."""
    people: People = field(init=False)

    def __post_init__(self) -> None:
        self.people = People(self.setting.likeness)

    def step(self, seen: TrackedFrame) -> WatchedFrame:
        """Take in a frame; frames come in order."""
        events, now = list[WatchEvent](), seen.frame.seconds
        if seen.detected:
            if self.latest is not None:
                self.steps.append(now - self.latest)
            self.latest = now
        if seen.cut:
            events += self._lose(list(self.people.in_sight.values()), now)
        for number, face in zip(seen.numbers, seen.faces, strict=True):
            self._see(number, face, now, detected=seen.detected)
        events += self.idle(now)
        if seen.detected:
            self._sample(seen)
            events += self._report(now)
            events += self._look(now)
        return WatchedFrame(seen, self._labels(seen.numbers), tuple(events))

    def idle(self, now: float) -> list[WatchEvent]:
        """Time passes: who was not found for a while is out of sight, and who does not return leaves."""
        gone = [one for one in self.people.in_sight.values() if now - one.end > self.patience]
        events = self._lose(gone, now)
        for person in [one for one in self.people.lost if now - one.end > RETURN]:
            events += self._leave(person, now)
        return events

    @property
    def patience(self) -> float:
        """Seconds for which a face that is not found counts as in sight; two detections at least."""
        return max(PATIENCE, 2.5 * self.pause)

    def finish(self, now: float) -> list[WatchEvent]:
        """The source has ended: everybody leaves."""
        events = self._lose(list(self.people.in_sight.values()), now)
        for person in list(self.people.lost):
            events += self._leave(person, now)
        return events

    def _see(self, raw: int, face: Face, now: float, *, detected: bool) -> None:
        person = self.people.in_sight.get(raw)
        if person is None:
            person = self.people.in_sight[raw] = Person(start=now, end=now, raw=raw, face=face)
        if person.plan is None:
            person.plan = self.setting.plan
        person.face, person.end, person.frames = face, now, person.frames + 1
        person.detections += detected

    def _labels(self, numbers: Sequence[int]) -> tuple[tuple[int, str], ...]:
        found = [self.people.in_sight.get(number) for number in numbers]
        return tuple(
            (0, "") if one is None else (one.number, "" if one.person is None else one.person.decision)
            for one in found
        )

    def _sample(self, seen: TrackedFrame) -> None:
        """Measure faces that are due, embed those that would be kept, and give them to whom they show."""
        places = touching(seen.faces, TOUCH)
        taken = list[tuple[Person, Measured]]()
        for place, (number, face) in enumerate(zip(seen.numbers, seen.faces, strict=True)):
            person = self.people.in_sight[number]
            if place in places:
                # Whose features these are is not sure, nor which track is whose from now on.
                person.unsure = True
            elif person.unsure or person.pending or person.book.is_due(seen.frame.seconds):
                taken.append((person, self._measure(seen, face)))
        for person, measured in taken:
            # Of one that counts, its embedding says first whose it is.
            if not (measured.counts or person.unsure or person.pending):
                person.show(measured)
        wanted = [
            measured
            for one, measured in taken
            if one.book.count(measured) or (measured.counts and (one.unsure or one.pending))
        ]
        for sample in self._embed(seen, wanted):
            # A sample of this frame may just have given the track of the next one to somebody else.
            face = sample.measured.face
            owner = next((one for one in self.people.in_sight.values() if one.face is face), None)
            if owner is not None:
                self.people.place(owner, sample)

    def _measure(self, seen: TrackedFrame, face: Face) -> Measured:
        threshold = self.setting.plan.chosen.threshold
        return measure_face(seen.frame.image, face, seen.frame.seconds, threshold, self.setting.scope)

    def _embed(self, seen: TrackedFrame, wanted: Iterable[Measured]) -> list[Sample]:
        crops, kept = [], []
        for measured in wanted:
            try:
                crops.append(self.setting.recognizer.align(seen.frame.image, measured.face))
            except DegenerateLandmarksError:
                continue
            kept.append(measured)
        if not kept:
            return []
        vectors = self.setting.recognizer.embed(np.stack(crops))
        portraits = [self._portrait(seen.frame.image, measured.face) for measured in kept]
        return [Sample(*parts) for parts in zip(kept, vectors, portraits, strict=True)]

    def _portrait(self, image: Image, face: Face) -> Portrait | None:
        return encode_portrait(cut_out(image, face)) if self.setting.keep_unknown else None

    def _report(self, now: float) -> list[WatchEvent]:
        """Number those who are new, as soon as it is known that they are."""
        events = []
        for person in self.people.in_sight.values():
            if not person.number and self._is_sure(person) and not self._waits(person, now):
                events += self._number(person, now)
        return events

    def _waits(self, person: Person, now: float) -> bool:
        """Whether somebody who is new is not reported yet, as samples may say that they return or are ignored."""
        if now - person.start >= HOLD:
            return False
        if not person.book.samples:
            return bool(self.people.lost or self._ignored())
        few = len(person.book.samples) < SURE
        return few and self._like_ignored(person, self.setting.likeness.same) is not None

    def _is_sure(self, person: Person) -> bool:
        """Whether a face was found often enough to be reported; once, where frames are rare, and not after a gap."""
        return person.detections >= MIN_DETECTIONS or min(self.steps, default=0.0) > PATIENCE

    def _number(self, person: Person, now: float) -> list[WatchEvent]:
        """Report somebody who is new, unless they are ignored."""
        if self._is_ignored(person):
            return []
        self.count += 1
        person.number = self.count
        return [self._event("appeared", person, now)]

    def _ignored(self) -> Sequence[Floats]:
        return self.setting.ignored(self.setting.gallery.store.identity.contract)

    def _like_ignored(self, person: Person, threshold: Threshold) -> float | None:
        """The score with the most similar person who is ignored; None where none reaches the threshold."""
        ignored = self._ignored()
        if not ignored or not person.book.samples:
            return None
        found = most_alike(person.vectors, ignored, self.setting.likeness.metric, threshold)
        return None if found is None else found[1]

    def _is_ignored(self, person: Person) -> bool:
        """Whether a track is more like somebody who is ignored than like anybody who is enrolled."""
        found = self._like_ignored(person, self._plan(person).chosen.threshold)
        if found is None:
            return False
        enrolled = self._identify(person).candidates
        if not enrolled:
            return True
        nearest, metric = enrolled[0].score, self.setting.likeness.metric
        return similarity(found, metric) > similarity(nearest.value, metric)

    def _plan(self, person: Person) -> LookPlan:
        """The plan with which a track began: its looks share one rate."""
        return person.plan or self.setting.plan

    def _identify(self, person: Person) -> Identification:
        return identify_track(
            self.setting.gallery,
            person.vectors,
            self._plan(person).chosen.threshold,
            ignore_doubts=self.setting.scope == "ignore",
        )

    def _look(self, now: float) -> list[WatchEvent]:
        """Compare those for whom a look is due."""
        events = []
        for person in self.people.in_sight.values():
            if not person.number or person.unsure or person.pending:
                continue
            plan, samples = self._plan(person), person.book.samples
            waited = plan.counts == ONLY and samples and now - min(s.measured.at for s in samples) >= WAIT
            if plan.due(len(samples), person.looked) or (waited and not person.looked):
                events += self._compare(person, now)
        return events

    def _compare(self, person: Person, now: float) -> list[WatchEvent]:
        before, plan = person.person, self._plan(person)
        if self._is_ignored(person):
            # More samples may refute that: it is then reported as somebody new.
            person.number, person.looked, person.person = 0, 0, None
            return []
        person.person = self._identify(person)
        while plan.due(len(person.book.samples), person.looked):
            person.looked += 1
        person.looked = max(person.looked, 1)
        was, is_now = "unknown" if before is None else before.decision, person.person.decision
        if was == is_now:
            return []
        return [self._event("identified" if was == "unknown" else "changed", person, now, was)]

    def _lose(self, people: Iterable[Person], now: float) -> list[WatchEvent]:
        """Some are out of sight; who was not compared yet is compared, as nobody knows whether they return."""
        events = list[WatchEvent]()
        for person in people:
            self.people.lose(person)
            if not person.number and self._is_sure(person):
                events += self._number(person, now)
            events += self._compare_at_last(person, now)
        return events

    def _leave(self, person: Person, now: float) -> list[WatchEvent]:
        """Somebody does not return; whose track went on with somebody else was perhaps not compared yet."""
        self.people.lost.remove(person)
        events = self._compare_at_last(person, now)
        return [*events, self._event("left", person, now)] if person.number else []

    def _compare_at_last(self, person: Person, now: float) -> list[WatchEvent]:
        if person.number and not person.looked and person.book.samples:
            return self._compare(person, now)
        return []

    def _event(self, kind: Kind, person: Person, now: float, was: str = "") -> WatchEvent:
        return WatchEvent(
            kind=kind,
            source=self.source,
            seconds=now,
            track=person.number,
            start=person.start,
            end=person.end,
            frames=person.frames,
            samples=len(person.book.samples),
            person=person.person,
            was=was,
            policy=self._plan(person).policy,
            fmr=self._plan(person).fmr,
            reasons=reasons_of(person) if kind in ("left", "changed") else (),
            thumbnail=person.thumbnail,
            unknown=self._unknown(person) if kind == "left" else (),
        )

    def _unknown(self, person: Person) -> Sequence[Sample]:
        """The best samples of a stranger, where they are kept; of an uncertain match, nobody says that it is one."""
        if not self.setting.keep_unknown or person.person is None or person.person.decision != "unknown":
            return ()
        return tuple(person.book.samples[:UNKNOWN_SAMPLES])


def reasons_of(person: Person) -> tuple[Message, ...]:
    """Why somebody was not named; nothing where they were."""
    if person.person is not None and person.person.subject is not None:
        return ()
    if person.book.samples:
        if person.person is not None and person.person.is_uncertain:
            return tuple(one.message for one in person.person.rests_on)
        return (Message("watch.nobody", {"count": len(person.book.samples)}),)
    if not person.book.measured:
        return (Message("watch.not-seen"),)
    doubts = tuple(sentence_about(one.code, one.value) for one in person.book.reasons())
    return (Message("watch.unclear", {"count": person.book.measured}), *doubts)


def make_likeness(card: ModelCard, decides: Threshold) -> Likeness:
    """From which scores on tracks show one person, by a card, else by the threshold that decides."""
    assert card.embedding is not None
    rates = [row.fmr for row in card.thresholds]
    same = card.threshold(max(rates)) if rates else decides
    try:
        link = card.threshold(LINK_FMR)
    except CardError:
        link = decides
    return Likeness(metric=card.embedding.metric, same=same, link=link)
