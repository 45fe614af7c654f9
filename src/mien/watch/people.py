"""Which track is which person, by their samples: who returns keeps a number, who was mixed up is put right.

A tracker knows boxes alone. A face that turns away and returns has another track; two people who cross may have
exchanged theirs; after a missed cut a track goes on with somebody else. Here each track of the tracker carries a
person, and samples say when that has to change. Names nobody.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from mien.gallery.decide import Identification, accepts
from mien.scores import similarity
from mien.types import Face, Floats, Image, Score, Threshold
from mien.units import UNIT_OF, ModelMetric
from mien.watch.compare import most_alike, track_score
from mien.watch.looks import LookPlan
from mien.watch.samples import Measured, Sample, SampleBook

CONFIRMING = 2
"""Samples in a row that have to be unlike a track's own before it is taken for somebody else's."""


@dataclass(slots=True, eq=False)
class Person:
    """A followed face.

    Attributes:
        start: seconds when it was seen first.
        end: seconds when it was seen last.
        raw: the tracker's number; None while it is out of sight.
        number: the one that is reported; 0 until it is.
        frames: in how many frames it was seen.
        detections: in how many of them it was detected.
        face: where it was seen last.
        book: its samples.
        pending: samples that are unlike its own, which may be somebody else's.
        unsure: whether it touched another face, so that they may have been exchanged since.
        looked: how often it was compared with the gallery.
        person: the latest decision.
        plan: when it is compared, and what decides; None until it is followed.
        best: the best view of it, whether or not that counts.
    """

    start: float
    end: float
    raw: int | None
    face: Face
    number: int = 0
    frames: int = 0
    detections: int = 0
    book: SampleBook = field(default_factory=SampleBook)
    pending: list[Sample] = field(default_factory=list)
    unsure: bool = False
    looked: int = 0
    person: Identification | None = None
    plan: LookPlan | None = None
    best: Measured | None = None

    @property
    def vectors(self) -> Floats:
        """(N, D) float32, the embeddings of its samples."""
        return np.stack([one.embedding for one in self.book.samples])

    @property
    def thumbnail(self) -> Image | None:
        """The best view of it."""
        return None if self.best is None or not self.best.thumbnail.size else self.best.thumbnail

    def take(self, sample: Sample) -> None:
        """Keep a sample that is surely one of its own."""
        self.book.add(sample)
        self.show(sample.measured)

    def show(self, measured: Measured) -> None:
        """Keep the best view."""
        if self.best is None or (measured.counts, measured.worth) > (self.best.counts, self.best.worth):
            self.best = measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """From which scores on tracks show one person.

    Attributes:
        metric: of the recognizer.
        same: below it, a sample is not taken for one of its track's person: the loosest threshold that is known.
        link: from it on, two tracks are taken for one person's.
    """

    metric: ModelMetric
    same: Threshold
    link: Threshold

    def is_own(self, sample: Sample, person: Person) -> bool:
        """Whether a sample may be one of a person who has samples."""
        score = track_score(sample.embedding[None], person.vectors, self.metric)
        return accepts(Score(score, UNIT_OF[self.metric], self.same.contract), self.same)

    def is_same(self, embedding: Floats, other: Floats) -> bool:
        """Whether two samples may be of one person: (D,) float32 each."""
        score = track_score(embedding[None], other[None], self.metric)
        return accepts(Score(score, UNIT_OF[self.metric], self.same.contract), self.same)

    def better(self, samples: Floats, other: Person, own: Person) -> bool:
        """Whether samples are more like another person than like their own."""
        mine, theirs = (track_score(samples, one.vectors, self.metric) for one in (own, other))
        return similarity(theirs, self.metric) > similarity(mine, self.metric)

    def match(self, samples: Floats, people: Iterable[Person]) -> Person | None:
        """Who of some people is shown by samples; None where nobody is."""
        known = [one for one in people if one.book.samples]
        found = most_alike(samples, [one.vectors for one in known], self.metric, self.link)
        return None if found is None else known[found[0]]


class People:
    """Everybody who is in sight, and who was a short time ago."""

    def __init__(self, likeness: Likeness) -> None:
        self.likeness = likeness
        self.in_sight = dict[int, Person]()
        self.lost = list[Person]()

    def lose(self, person: Person) -> None:
        """Take somebody for out of sight."""
        if person.raw is not None:
            self.in_sight.pop(person.raw, None)
        person.raw, person.pending = None, []
        self.lost.append(person)

    def place(self, person: Person, sample: Sample) -> Person:
        """Give a sample to whom it shows, and let tracks change hands where it shows somebody else.

        Returns:
            Who has it now.
        """
        if not person.book.samples:
            return self._begin(person, sample)
        candidates = [*self.lost, *(one for one in self.in_sight.values() if one.unsure and one is not person)]
        own = self.likeness.is_own(sample, person)
        if own and not (person.unsure and self._is_other(sample, person, candidates)):
            person.pending, person.unsure = [], False
            person.take(sample)
            return person
        person.pending.append(sample)
        if not person.unsure and len(person.pending) < CONFIRMING:
            return person
        return self._hand_over(person, candidates)

    def _is_other(self, sample: Sample, person: Person, candidates: list[Person]) -> bool:
        """Whether a sample is surely one of somebody else, although it may be one of this person's."""
        vector = sample.embedding[None]
        other = self.likeness.match(vector, candidates)
        return other is not None and self.likeness.better(vector, other, person)

    def _begin(self, person: Person, sample: Sample) -> Person:
        """The first sample of a track: perhaps somebody who was lost is back."""
        known = None if person.number else self.likeness.match(sample.embedding[None], self.lost)
        if known is None:
            person.take(sample)
            return person
        self._give(person, known)
        known.take(sample)
        return known

    def _give(self, person: Person, known: Person) -> None:
        """Let somebody who was lost go on with the track of a person who is then nobody."""
        assert person.raw is not None
        self.lost.remove(known)
        known.raw, known.end, known.face = person.raw, person.end, person.face
        known.frames, known.detections = known.frames + person.frames, known.detections + person.detections
        known.book.last = person.book.last
        self.in_sight[person.raw] = known

    def _hand_over(self, person: Person, candidates: list[Person]) -> Person:
        """Let a track go on with whom its pending samples show."""
        pending = person.pending
        vectors = np.stack([one.embedding for one in pending])
        known = self.likeness.match(vectors, candidates)
        if known is not None:
            return self._exchange(person, known, pending)
        if len(pending) < CONFIRMING:
            return person
        if not self.likeness.is_same(vectors[0], vectors[-1]):
            person.pending = pending[-1:]
            return person
        return self._split(person, pending)

    def _exchange(self, person: Person, known: Person, pending: list[Sample]) -> Person:
        """Give a track to a known person; its former one gets theirs where they are in sight, else is lost."""
        raw, other = person.raw, known.raw
        assert raw is not None
        face, end = person.face, person.end
        if other is None:
            self.lose(person)
            self.lost.remove(known)
        else:
            person.raw, person.face, person.end = other, known.face, known.end
            self.in_sight[other] = person
        known.raw, known.face, known.end = raw, face, end
        self.in_sight[raw] = known
        for one in (person, known):
            one.pending, one.unsure = [], False
        for sample in pending:
            known.take(sample)
        return known

    def _split(self, person: Person, pending: list[Sample]) -> Person:
        """Somebody who was never seen goes on with the track."""
        raw = person.raw
        assert raw is not None
        since = pending[0].measured.at
        new = Person(start=since, end=person.end, raw=raw, face=person.face, frames=1, detections=person.detections)
        for sample in pending:
            new.take(sample)
        new.book.measured, new.book.last = len(pending), pending[-1].measured.at
        self.lose(person)
        person.end = min(person.end, since)
        self.in_sight[raw] = new
        return new
