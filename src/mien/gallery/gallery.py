"""A gallery: subjects are enrolled, searched, and removed. Composes the store, the index and the decision.

Owns the policy of enrolment (one face a photograph, conflicts are reported). Opens no engine: embeddings come in.
"""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import simplejpeg

from mien.data.sample import Sample
from mien.errors import SubjectStateError
from mien.gallery.decide import Candidate, Identification, accepts, identify
from mien.gallery.identity import identity_of as identity_of
from mien.gallery.indexes.base import Ids
from mien.gallery.live_index import LiveIndex
from mien.gallery.names import find_subject
from mien.gallery.population import measure_population
from mien.gallery.records import (
    Erasure,
    GallerySettings,
    KeptDoubt,
    NewTemplate,
    Owner,
    Portrait,
    SubjectRow,
    printable,
)
from mien.gallery.scoping import WARNING, EnrolmentPolicy, keep_doubts, keep_policy, recall_doubts, refusal
from mien.gallery.stores import create_store, is_missing, open_store
from mien.gallery.stores.base import Store, require_identity
from mien.gallery.thresholds import for_worst_group
from mien.models.card import ModelCard
from mien.notebook import html_table
from mien.pipeline import Analysis, Policy, Refused
from mien.pipeline.policy import Refusal
from mien.scope import Doubt, beyond
from mien.scores import score_pairs
from mien.types import Cutout, Floats, Score, Threshold
from mien.units import UNIT_OF, better_is_higher

Status = (
    Literal[
        "enrolled",
        "already enrolled",
        "conflict",
        "out of scope",
        "poor portrait",
        "no consent",
        "ambiguous name",
    ]
    | Refusal
)

ADDED = ("enrolled", "already enrolled")
"""The statuses of samples that are in the gallery afterwards."""

ONE_PERSON = Policy("reject")
"""An enrolled image shows one person, or clearly one before the others."""

GROWTH = 1.25
"""How much a gallery grows before its people are measured again for conflicts."""

PORTRAIT_QUALITY = 92
"""JPEG quality of kept portraits."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A doubt about a new template.

    Attributes:
        kind: "same subject": it does not match the subject's other templates; "duplicate subject": it matches
            another subject.
        subject: whom it was compared with.
        score: of that comparison.
    """

    kind: Literal["same subject", "duplicate subject"]
    subject: str
    score: Score


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What became of one sample. It is true where the sample is in the gallery.

    Attributes:
        sample: the file with its subject.
        status: what became of it.
        detail: more about that, in words.
        conflicts: doubts about who it shows.
        doubts: in what its face is outside of what the recognizer was measured on.
        sample_id: the id of the sample that was added; None where none was.
    """

    sample: Sample
    status: Status
    detail: str = ""
    _: KW_ONLY
    conflicts: tuple[Conflict, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    sample_id: str | None = None

    def __bool__(self) -> bool:
        return self.status in ADDED


@dataclass(frozen=True, slots=True)
class TemplatesEnrolment:
    """What came of enrolling faces that were embedded before: how many were added, and doubts about them."""

    added: int
    conflicts: tuple[Conflict, ...]


SAMPLES = 4
"""Samples per subject up to which one search of the templates finds as many subjects as are wanted."""
MORE = 6
"""Templates beyond the subjects that are wanted of which the owners are read first."""


class Gallery:
    """Enrolled subjects and their search. Safe to call from several threads.

    Example:
        >>> gallery = mien.Gallery.create("door.gallery", mien.load_card("dlib-resnet"))
        >>> gallery.subjects()
        []
        >>> gallery.close()
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._index = LiveIndex(store)
        self._measured = 0
        self._limit: float | None = None

    def _repr_html_(self) -> str:
        """What it holds in numbers, for notebooks; no names, since notebooks are shared."""
        people = self.store.subjects()
        rows = [
            ("people", len(people)),
            ("templates", sum(one.templates for one in people)),
            ("suspended", sum(one.state == "suspended" for one in people)),
            ("encrypted", "yes" if self.store.is_encrypted else "no"),
            ("embedding contract", self.store.identity.contract),
        ]
        return html_table("Gallery", rows)

    @classmethod
    def create(cls, path: str | Path, card: ModelCard) -> "Gallery":
        """Open a gallery for a recognizer, making it where there is none.

        Raises:
            ContractError: it holds another recognizer's embeddings.
        """
        is_new = is_missing(path)
        store = create_store(path, identity_of(card))
        if is_new:
            keep_policy(store)
        return cls(store)

    @classmethod
    def open(cls, path: str | Path, card: ModelCard | None = None) -> "Gallery":
        """Open an existing gallery; with a card, only if it holds that recognizer's embeddings.

        Raises:
            GalleryError: there is none.
            ContractError: it holds another recognizer's embeddings.
        """
        store = open_store(path)
        if card is not None:
            require_identity(store, identity_of(card))
        return cls(store)

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def subjects(self) -> list[SubjectRow]:
        """All subjects by name."""
        return self.store.subjects()

    def remove(self, subject: str) -> Erasure:
        """Erase a subject for good, by its name or id, also from the index in memory; see Store.remove.

        Raises:
            SubjectNotFoundError: there is no such subject.
        """
        erasure = self.store.remove(find_subject(self.store, subject).id)
        self.forget_removed()
        return erasure

    def forget_removed(self) -> bool:
        """Overwrite in memory what another process has erased from the store; say whether there was anything."""
        return self._index.forget_removed()

    def search(self, embeddings: Floats, count: int = 5) -> list[list[Candidate]]:
        """The best subjects for each embedding, best first, each with its best template's score.

        Searches of several threads go on side by side.

        Args:
            embeddings: (N, D) float32 of this gallery's recognizer.
            count: subjects to give.
        """
        index = self._index.current()
        pending = list(range(len(embeddings)))
        results: list[list[Candidate]] = [[] for _ in embeddings]
        # Samples of one subject take places from others; a second search takes longer than a deeper one.
        depth = SAMPLES * count
        while pending:
            found = index.search(embeddings[pending], depth)
            owners = self._owners_of_best([ids for ids, _ in found], count)
            for place, (ids, scores) in zip(pending, found, strict=True):
                results[place] = self._by_subject(ids, scores, owners, count)
            if depth >= len(index):
                break
            # A subject with many templates can fill the list; look deeper for others.
            pending = [place for place in pending if len(results[place]) < count]
            depth *= 4
        return results

    def _owners_of_best(self, found: Sequence[Ids], count: int) -> dict[int, Owner]:
        """The owners of as many templates, best first, as give `count` subjects for each search.

        Most of a subject's templates are not near each other in a large file, and reading one takes longer than
        comparing thousands.
        """
        owners: dict[int, Owner] = {}
        pending, read = list(found), 0
        for width in (count + MORE, max(map(len, found), default=0)):
            wanted = [ids[read:width] for ids in pending]
            if not any(map(len, wanted)):
                break
            owners |= self.store.owners(np.unique(np.concatenate(wanted)), found=True)
            known = [{owners[number].id for number in ids[:width].tolist() if number in owners} for ids in pending]
            pending = [ids for ids, subjects in zip(pending, known, strict=True) if len(subjects) < count]
            read = width
        return owners

    def identify(
        self,
        embeddings: Floats,
        threshold: Threshold,
        count: int = 5,
        *,
        doubts: Sequence[Sequence[Doubt]] = (),
        demand: bool = False,
    ) -> list[Identification]:
        """Search and decide.

        Args:
            embeddings: (N, D) float32 of this gallery's recognizer.
            threshold: what decides.
            count: subjects to give.
            doubts: about each face; see mien.scope. None where scope is ignored; else what was doubtful of the best
                subject's sample when it was enrolled counts too.
            demand: whether faces for which the threshold's rate does not hold are refused.

        Raises:
            ContractError: the threshold was measured for another model.
        """
        found = self.search(embeddings, count)
        if not doubts:
            return [identify(candidates, threshold) for candidates in found]
        return [
            identify(candidates, threshold, about, demand=demand, enrolled=recall_doubts(kept, threshold))
            for candidates, about, kept in zip(found, doubts, self._kept_doubts(found), strict=True)
        ]

    def _kept_doubts(self, found: Sequence[Sequence[Candidate]]) -> list[tuple[KeptDoubt, ...]]:
        """What was doubtful of the sample of each best candidate when it was enrolled."""
        best = [candidates[0].sample or 0 if candidates else 0 for candidates in found]
        kept = self.store.doubts(np.array(best, np.int64))
        return [kept.get(number, ()) for number in best]

    def enrol(
        self,
        pairs: Sequence[tuple[Sample, Analysis]],
        card: ModelCard,
        *,
        strict: bool = False,
        doubts: Sequence[Sequence[Doubt]] = (),
        policy: EnrolmentPolicy = WARNING,
        owner: str | None = None,
        sources: bool = True,
    ) -> list[Enrolment]:
        """Enrol one analysed file each, all in one transaction; they are on disk when this returns.

        Args:
            pairs: samples with their analyses, with cutouts and the embedding of the face that ONE_PERSON takes.
            card: of the recognizer that made them.
            strict: whether samples with a conflict are left out.
            doubts: about the face of each sample; see mien.scope. None where scope is ignored.
            policy: which doubts leave a sample out.
            owner: the id of the subject that gets all of them, in place of the names in the samples.
            sources: whether the names of the files are kept.

        Returns:
            What became of each sample, in order.

        Raises:
            SubjectNotFoundError: there is no such owner.
        """
        require_identity(self.store, identity_of(card))
        settings = self.store.settings()
        whose = None if owner is None else self.store.subject(owner)
        results: list[Enrolment] = []
        new: list[NewTemplate] = []
        for (sample, analysis), about in zip(pairs, doubts or [()] * len(pairs), strict=True):
            found = [whose] if whose is not None else self.store.find(sample.subject)
            result = _unfit(sample, analysis, found, settings)
            if result is None:
                own = found[0] if found else None
                template = _template(sample, analysis, owner, sources=sources)
                result = self._judge(sample, analysis, template, own, card, new)
                result = _decide(result, about, policy, strict=strict)
                if result.status == "enrolled":
                    new.append(replace(template, doubts=keep_doubts(about)))
                    result = replace(result, sample_id=template.id)
            results.append(result)
        added = dict(zip((one.id for one in new), self.store.add(new), strict=True))
        # Another process may have enrolled the same file in the meantime.
        return [
            Enrolment(one.sample, "already enrolled")
            if one.sample_id is not None and added[one.sample_id] is None
            else one
            for one in results
        ]

    def enrol_templates(self, templates: Sequence[NewTemplate], owner: str, card: ModelCard) -> TemplatesEnrolment:
        """Enrol faces that were embedded before for one subject, all in one transaction.

        Args:
            templates: embedded by the gallery's recognizer, with this owner.
            owner: the id of the subject.
            card: of the recognizer.

        Raises:
            SubjectNotFoundError: there is no such owner.
            SubjectStateError: the gallery requires a consent, and the subject's does not hold.
            ContractError: the gallery holds another model's embeddings.
        """
        require_identity(self.store, identity_of(card))
        own = self.store.subject(owner)
        if _lacks_consent(self.store.settings(), [own]):
            raise SubjectStateError(f"the consent of {own.name} is missing or over: write it down first")
        conflicts = [one for new in templates for one in self._conflicts(new, own, card, ())]
        added = self.store.add(templates)
        return TemplatesEnrolment(sum(one is not None for one in added), tuple(conflicts))

    def _judge(
        self,
        sample: Sample,
        analysis: Analysis,
        template: NewTemplate,
        own: SubjectRow | None,
        card: ModelCard,
        new: Sequence[NewTemplate],
    ) -> Enrolment:
        """What is known of a template before it is enrolled; `new` are those of the same transaction before it."""
        twice = any(_is_of(other, template) and other.source_sha256 == template.source_sha256 for other in new)
        if twice or (own is not None and self.store.has_source(own.id, template.source_sha256)):
            return Enrolment(sample, "already enrolled")
        others = len(analysis.faces) - 1
        detail = f"the most prominent of {others + 1} faces" if others else ""
        return Enrolment(sample, "enrolled", detail, conflicts=self._conflicts(template, own, card, new))

    def _conflicts(
        self, template: NewTemplate, own: SubjectRow | None, card: ModelCard, new: Sequence[NewTemplate]
    ) -> tuple[Conflict, ...]:
        """Compare a template with those enrolled before it; nothing where the model has no thresholds."""
        if not card.thresholds:
            return ()
        loosest = card.threshold(max(row.fmr for row in card.thresholds))
        strictest = self._duplicate_threshold(card)
        found = self.search(template.embedding[None], 3)[0]
        others = [one for one in found if own is None or one.subject_id != own.id]
        others += self._among(template, [one for one in new if not _is_of(one, template)])
        conflicts = {
            candidate.subject: Conflict("duplicate subject", candidate.subject, candidate.score)
            for candidate in reversed(others)
            if accepts(candidate.score, strictest)
        }
        score = self._own_score(template, own, new)
        if score is not None and not accepts(score, loosest):
            conflicts[template.subject] = Conflict("same subject", template.subject, score)
        return tuple(conflicts.values())

    def _duplicate_threshold(self, card: ModelCard) -> Threshold:
        """What the score with another subject has to reach to be a conflict.

        The card's strictest threshold, for its worst group; or a stricter one, where as few pairs of the people who
        are enrolled are so alike. They are measured again when the gallery has grown by a quarter.
        """
        promised = card.threshold(min(row.fmr for row in card.thresholds))
        chosen = for_worst_group(card, promised)[0]
        count = self.store.count()
        if count > GROWTH * self._measured:
            self._measured, self._limit = count, measure_population(self.store).extrapolated(promised.fmr)
        if self._limit is None or not accepts(self._score(self._limit), chosen):
            return chosen
        protocol = "the most similar pairs of the people of this gallery"
        return replace(chosen, value=self._limit, unit=card.unit, fmr=promised.fmr, protocol=protocol)

    def _among(self, template: NewTemplate, new: Sequence[NewTemplate]) -> list[Candidate]:
        """The templates of the same transaction as candidates."""
        metric = self.store.identity.metric
        return [
            Candidate(
                other.subject, self._score(score_pairs(template.embedding[None], other.embedding[None], metric)[0])
            )
            for other in new
        ]

    def _own_score(self, template: NewTemplate, own: SubjectRow | None, new: Sequence[NewTemplate]) -> Score | None:
        """The best score against the subject's own templates, or None where there are none yet."""
        waiting = [other.embedding[None] for other in new if _is_of(other, template)]
        enrolled = [] if own is None else [self.store.subject_embeddings(own.id)]
        if not waiting and not enrolled:
            return None
        vectors = np.concatenate([*enrolled, *waiting])
        if not len(vectors):
            return None
        metric = self.store.identity.metric
        scores = score_pairs(np.broadcast_to(template.embedding, vectors.shape), vectors, metric)
        return self._score(scores.max() if better_is_higher(UNIT_OF[metric]) else scores.min())

    def _score(self, value: float) -> Score:
        return Score(float(value), UNIT_OF[self.store.identity.metric], self.store.identity.contract)

    def _by_subject(self, ids: Ids, scores: Floats, owners: dict[int, Owner], count: int) -> list[Candidate]:
        best: dict[str, Candidate] = {}
        for number, score in zip(ids, scores, strict=True):
            # A template has no owner if it was removed since the search, or if its subject may not be found.
            owner = owners.get(int(number))
            if owner is not None and owner.id not in best:
                best[owner.id] = Candidate(owner.name, self._score(score), int(number), owner.id)
        return list(best.values())[:count]


def encode_portrait(cutout: Cutout) -> Portrait:
    """A face that was cut out, as galleries keep it."""
    jpeg = simplejpeg.encode_jpeg(cutout.image, quality=PORTRAIT_QUALITY, colorsubsampling="444")
    return Portrait(jpeg, cutout.landmarks)


def _is_of(one: NewTemplate, other: NewTemplate) -> bool:
    """Whether two new templates go to one subject."""
    return (one.owner, one.subject) == (other.owner, other.subject)


def _unfit(
    sample: Sample, analysis: Analysis, found: Sequence[SubjectRow], settings: GallerySettings
) -> Enrolment | None:
    """Why a sample cannot be enrolled, whoever it looks like; `found` are the subjects that it may belong to."""
    chosen = analysis.choose(ONE_PERSON)
    if isinstance(chosen, Refused):
        return Enrolment(sample, chosen.status, chosen.detail)
    if len(found) > 1:
        ids = ", ".join(row.id for row in found)
        return Enrolment(
            sample, "ambiguous name", f"{len(found)} subjects have this name: say which by its id ({ids})"
        )
    if _lacks_consent(settings, found):
        return Enrolment(
            sample, "no consent", "write it down first: `mien consent GALLERY NAME --purpose TEXT --new`"
        )
    return None


def _lacks_consent(settings: GallerySettings, found: Sequence[SubjectRow]) -> bool:
    """Whether a consent is required, and that of the first of some subjects does not hold."""
    return settings.requires_consent and not (found and found[0].consent is not None and found[0].consent.holds())


def _template(sample: Sample, analysis: Analysis, owner: str | None, *, sources: bool) -> NewTemplate:
    """A sample as a template; its face is one that ONE_PERSON takes."""
    chosen = analysis.choose(ONE_PERSON)
    assert not isinstance(chosen, Refused)
    return NewTemplate(
        sample.subject,
        analysis.sha256,
        analysis.embeddings[chosen],
        encode_portrait(analysis.cutouts[chosen]),
        source=printable(str(sample.path)) if sources else None,
        owner=owner,
    )


def _decide(result: Enrolment, doubts: Sequence[Doubt], policy: EnrolmentPolicy, *, strict: bool) -> Enrolment:
    """A sample that was judged, with what the doubts and conflicts about it lead to."""
    result, refused = replace(result, doubts=tuple(doubts)), policy.refused(doubts)
    if result.status != "enrolled":
        return result
    if refused:
        status: Status = "out of scope" if beyond(refused) else "poor portrait"
        return Enrolment(result.sample, status, refusal(refused), doubts=tuple(doubts))
    if strict and result.conflicts:
        return Enrolment(result.sample, "conflict", "left out because of its conflicts", conflicts=result.conflicts)
    return result
