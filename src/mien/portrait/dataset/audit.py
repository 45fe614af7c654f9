"""The audit of a data set: lists, measures, compares, judges, and puts everything into one value.

The one composition of the room: structure -> measures -> duplicates -> labels -> counts -> verdicts. Writes no
report.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mien.align import align
from mien.data.stored_paths import stored_path
from mien.errors import DegenerateLandmarksError, ImageError
from mien.image import read_photo
from mien.models import store
from mien.portrait.dataset import labels
from mien.portrait.dataset.balance import Balanced, Wanted, balance, from_guesses, to_collect
from mien.portrait.dataset.duplicates import AGREE, agreement, cut_of, same_photographs
from mien.portrait.dataset.findings import Finding
from mien.portrait.dataset.measure_cache import Measurements, Models
from mien.portrait.dataset.metadata import Metadata, age_at
from mien.portrait.dataset.structure import Entry, Listing, same_name
from mien.portrait.examine import DECODED, FACE
from mien.portrait.measures.catalogue import ANGLES
from mien.portrait.rules import FAIL, PASS, UNKNOWN, Rule, RuleSet, states
from mien.types import Image, Photo, floats

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class RuleResult:
    """A rule over all images.

    Attributes:
        rule: which.
        states: (N,) numbers of mien.portrait.rules.STATES.
        low: (N,) whether a failure is one of being too low.
        values: (N,) what was measured.
    """

    rule: Rule
    states: NDArray[np.int8]
    low: Bools
    values: NDArray[np.float32]

    def count(self, state: int) -> int:
        """How many images have a state."""
        return int((self.states == state).sum())

    def worst(self, most: int) -> list[int]:
        """Rows that fail, those farthest beyond the limit first."""
        failed = np.flatnonzero(self.states == FAIL)
        least = -np.inf if self.rule.min is None else self.rule.min
        limit = np.inf if self.rule.max is None else self.rule.max
        off = np.maximum(least - self.values[failed], self.values[failed] - limit)
        return [int(row) for row in failed[np.argsort(-off, kind="stable")][:most]]


@dataclass(frozen=True, slots=True)
class Subject:
    """A person: its folder, its group and sex, its images, and how many of them are different and can be read."""

    name: str
    group: str
    sex: str
    images: int
    distinct: int
    passed: int


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """What an audit found; see the attributes' types."""

    root: Path
    rules: RuleSet
    models: Models
    entries: Sequence[Entry]
    recorded: Measurements
    results: tuple[RuleResult, ...]
    findings: tuple[Finding, ...]
    subjects: tuple[Subject, ...]
    balances: tuple[Balanced, ...]
    collect: tuple[Wanted, ...]
    accepted: Bools
    readable: Bools
    notes: tuple[str, ...] = ()

    @property
    def unreadable(self) -> int:
        """Files that cannot be read."""
        return int((~self.readable).sum())

    @property
    def no_face(self) -> int:
        """Images that can be read and show no face."""
        return int((self.readable & ~(self.recorded.values("faces") >= 1)).sum())

    @property
    def by_kind(self) -> Counter[str]:
        """How many findings there are of each kind."""
        return Counter(finding.code for finding in self.findings)

    @property
    def errors(self) -> int:
        """Findings that are errors."""
        return sum(finding.severity == "error" for finding in self.findings)

    @property
    def passed(self) -> bool:
        """Whether the set keeps every rule whose severity is error, its structure and its balance."""
        rules = any(r.rule.severity == "error" and r.count(FAIL) for r in self.results)
        return not (rules or self.errors or any(b.state == "fail" for b in self.balances))


def conclude(
    listing: Listing, recorded: Measurements, rules: RuleSet, models: Models, known: Metadata | None
) -> Audit:
    """Everything that follows from what was listed and measured."""
    entries = listing.entries
    errors = recorded.texts("error")
    findings = list(listing.findings)
    findings += [
        Finding("unreadable-image", e.path, (), words) for e, words in zip(entries, errors, strict=True) if words
    ]
    groups, sexes, contradictions = _people(entries, rules, known)
    findings += contradictions
    entries = [replace(e, group=g, sex=s) for e, g, s in zip(entries, groups, sexes, strict=True)]  # type: ignore[arg-type]
    numbers = np.unique([e.subject for e in entries], return_inverse=True)[1] if entries else np.empty(0, np.int64)
    label_model = _label_model(recorded, numbers, models)
    is_duplicate, copies = _duplicates(listing.root, entries, recorded, numbers, label_model)
    findings += copies
    shared = {path for f in copies if f.code == "same-photo-two-people" for path in (f.place, *f.others)}
    doubtful, wrong = _labels(entries, recorded, numbers, label_model, shared)
    findings += wrong
    results = tuple(_judge(rule, recorded) for rule in rules.rule)
    readable = np.array([not words for words in errors], bool)
    failed = (
        np.any([r.states == FAIL for r in results if r.rule.severity == "error"], axis=0) if results else ~readable
    )
    accepted = readable & ~failed & ~is_duplicate & ~doubtful
    subjects = _subjects(entries, readable, is_duplicate, accepted)
    least = rules.structure.least_images
    findings += [Finding("few-images", s.name, (), f"{s.distinct}/{least}") for s in subjects if s.distinct < least]
    balances, collect = _balances(rules, entries, subjects, readable)
    guessed, notes = _guessed(rules, entries, known)
    return Audit(
        listing.root,
        rules,
        models,
        entries,
        recorded,
        results,
        tuple(findings),
        tuple(subjects),
        (*balances, *guessed),
        tuple(collect),
        accepted,
        readable,
        notes,
    )


def _guessed(
    rules: RuleSet, entries: Sequence[Entry], known: Metadata | None
) -> tuple[list[Balanced], tuple[str, ...]]:
    """Balances from an attribute model's guesses, and a note where these cannot be used."""
    people = {} if known is None else {e.subject: known.of(e).get("sex_guess", "") for e in entries}
    if not any(people.values()) or rules.balance.sex is None:
        return [], ()
    found = from_guesses("sex", list(people.values()), rules.balance.sex)
    if found is None:
        return [], ("guesses of sex were not used: the rules do not say how often they are right (guessed_right)",)
    return [found], ()


def _judge(rule: Rule, recorded: Measurements) -> RuleResult:
    values = recorded.values(rule.measure)
    sds = recorded.values(f"{rule.measure}_sd") if rule.measure in ANGLES else np.zeros(len(values), np.float32)
    found, low = states(rule, values, np.nan_to_num(sds))
    return RuleResult(rule, found, low, values)


def _people(
    entries: Sequence[Entry], rules: RuleSet, known: Metadata | None
) -> tuple[list[str], list[str], list[Finding]]:
    """Age group and sex of each image; a manifest outranks folders, and says so where they disagree."""
    groups, sexes, findings = [], [], []
    told: set[str] = set()
    for entry in entries:
        facts = known.of(entry) if known else {}
        age, group = age_at(facts), str(entry.group)
        said = facts.get("age_group", "")
        if age is not None:
            said = "child" if age <= rules.structure.child_age else "adult"
        if said and group and said != group:
            limit = rules.structure.child_age
            words = str(age) if age is not None else f"≤ {limit}" if said == "child" else f"> {limit}"
            findings.append(Finding("age-contradiction", entry.path, (), words))
        groups.append(said or group)
        sexes.append(facts.get("sex", entry.sex))
        told.add(same_name(entry.path))
    if known:
        findings += [Finding("not-in-folder", path) for path in known.by_path if path not in told]
    return groups, sexes, findings


def _duplicates(
    root: Path,
    entries: Sequence[Entry],
    recorded: Measurements,
    numbers: NDArray[np.int64],
    label_model: labels.Labels | None,
) -> tuple[Bools, list[Finding]]:
    """Which rows are copies of an earlier one, and what was found."""
    hashes, faces = (recorded.table.column(name).to_pylist() for name in ("phash", "face_phash"))
    landmarks = recorded.table.column("landmarks").to_pylist()
    digests = [d if not e else "" for d, e in zip(recorded.texts("sha256"), recorded.texts("error"), strict=True)]

    def agree(a: int, b: int) -> bool:
        try:
            photos = [read_photo(root / stored_path(entries[row].path), longest=DECODED) for row in (a, b)]
            if not landmarks[a] or not landmarks[b]:
                return cut_of(photos[0].image, photos[1].image) >= AGREE
            crops = [_crop(photo, landmarks[row]) for photo, row in zip(photos, (a, b), strict=True)]
        except (ImageError, DegenerateLandmarksError):
            return False
        return agreement(*crops) >= AGREE

    is_duplicate, findings = np.zeros(len(entries), bool), list[Finding]()
    near = () if label_model is None else label_model.twins()
    twins = ((int(recorded.rows[a]), int(recorded.rows[b])) for a, b in near)
    for same in same_photographs(digests, hashes, faces, numbers.tolist(), twins, agree):
        first, second = entries[same.a].path, entries[same.b].path
        if numbers[same.a] != numbers[same.b]:
            findings.append(Finding("same-photo-two-people", first, (second,)))
            is_duplicate[[same.a, same.b]] = True
        elif not is_duplicate[same.b]:
            is_duplicate[same.b] = True
            findings.append(Finding("same-file" if same.exact else "near-duplicate", first, (second,)))
    return is_duplicate, findings


def _crop(photo: Photo, landmarks: Sequence[float]) -> Image:
    points = floats(landmarks).reshape(5, 2) / np.float32(photo.reduction)
    return align(photo.image, points, FACE, 112)


def _label_model(recorded: Measurements, numbers: NDArray[np.int64], models: Models) -> labels.Labels | None:
    """The embeddings with their folders; None without a recognizer, or with too few faces to learn from."""
    if not models.recognizer or len(recorded.rows) < 3:
        return None
    spec = store.load(models.recognizer).card.embedding
    assert spec is not None
    own = np.unique(numbers[recorded.rows], return_inverse=True)[1]
    known = recorded.embeddings, recorded.rows, recorded.others, recorded.other_rows
    return labels.Labels(labels.choose_faces(*known, numbers, spec.metric), own, spec.metric)


def _labels(
    entries: Sequence[Entry],
    recorded: Measurements,
    numbers: NDArray[np.int64],
    found: labels.Labels | None,
    shared: set[str],
) -> tuple[Bools, list[Finding]]:
    """Which rows may show somebody else, and what was found.

    A photograph that lies under two people (`shared`) was told already: it is no further finding, and does not make
    two people one.
    """
    doubtful, findings = np.zeros(len(entries), bool), list[Finding]()
    if found is None:
        return doubtful, findings
    folders = np.unique(numbers[recorded.rows])
    names = {int(n): e.subject for n, e in zip(numbers, entries, strict=True)}
    rows, split = recorded.rows, set[int]()
    for one in found.splits():
        split.update(one.second)
        second = [entries[int(rows[i])].path for i in one.second]
        folder = names[int(folders[one.folder])]
        words = f"{len(one.first)} + {len(one.second)}"
        findings.append(Finding("two-people", folder, tuple(second), words, round(one.certainty, 3)))
        doubtful[rows[list(one.second)]] = True
    for suspect in found.suspects():
        row = int(rows[suspect.row])
        doubtful[row] = True
        if suspect.row in split or entries[row].path in shared:
            continue
        better = f" (→ {names[int(folders[suspect.better])]})" if suspect.better >= 0 else ""
        like = entries[int(rows[suspect.like])].path
        findings.append(Finding("unlike-others", entries[row].path, (like,), better, round(suspect.certainty, 3)))
    for merge in found.merges():
        if any(
            all(entries[int(rows[i])].path in shared for i in found.groups[folder][0])
            for folder in (merge.a, merge.b)
        ):
            continue
        a, b = (names[int(folders[i])] for i in (merge.a, merge.b))
        pair = tuple(entries[int(rows[i])].path for i in (merge.row_a, merge.row_b))
        findings.append(Finding("one-person-twice", a, (b,), "|".join(pair), round(merge.certainty, 3)))
    return doubtful, findings


def _subjects(entries: Sequence[Entry], readable: Bools, is_duplicate: Bools, accepted: Bools) -> list[Subject]:
    rows: dict[str, list[int]] = defaultdict(list)
    for row, entry in enumerate(entries):
        rows[entry.subject].append(row)
    found, distinct = [], readable & ~is_duplicate
    for name, own in rows.items():
        groups = Counter(entries[row].group for row in own if entries[row].group)
        sexes = Counter(entries[row].sex for row in own if entries[row].sex)
        found.append(
            Subject(
                name,
                groups.most_common(1)[0][0] if groups else "",
                sexes.most_common(1)[0][0] if sexes else "",
                len(own),
                int(distinct[own].sum()),
                int(accepted[own].sum()),
            )
        )
    return found


def _balances(
    rules: RuleSet, entries: Sequence[Entry], subjects: Sequence[Subject], readable: Bools
) -> tuple[list[Balanced], list[Wanted]]:
    wanted = rules.balance
    found = []
    images = [entry for entry, good in zip(entries, readable, strict=True) if good]
    if wanted.sex:
        found.append(balance("sex", "people", [s.sex for s in subjects], wanted.sex))
        found.append(balance("sex", "images", [e.sex for e in images], wanted.sex))
    if wanted.age:
        found.append(balance("age", "people", [s.group for s in subjects], wanted.age))
        found.append(balance("age", "images", [str(e.group) for e in images], wanted.age))
    return found, to_collect([(s.sex, s.group) for s in subjects], wanted.sex, wanted.age)


def reasons(audit: Audit, result: RuleResult) -> dict[str, int]:
    """Why a rule could not be assessed, and for how many images."""
    unknown = result.states == UNKNOWN
    missing = unknown & audit.readable & np.isnan(result.values)
    # The reasons of an image are one text, and sets have few different ones.
    texts = Counter(audit.recorded.table.column("reasons").take(pa.array(np.flatnonzero(missing))).to_pylist())
    counts: Counter[str] = Counter()
    for text, count in texts.items():
        counts[json.loads(text or "{}").get(result.rule.measure, "")] += count
    counts["the file cannot be read"] = int((unknown & ~audit.readable).sum())
    counts["the uncertainty spans the limit"] = int((unknown & audit.readable & ~missing).sum())
    return {reason: count for reason, count in counts.items() if count}


def verdicts(audit: Audit) -> Iterator[tuple[str, list[str], list[str]]]:
    """For each image: pass, fail or not assessed by the rules of severity error; the rules that it fails; those that
    could not be assessed."""
    table = np.stack([r.states for r in audit.results], axis=1)
    names = [r.rule.id for r in audit.results]
    grave = np.array([r.rule.severity == "error" for r in audit.results])
    for row in table:
        failed = [names[i] for i in np.flatnonzero(row == FAIL)]
        unknown = [names[i] for i in np.flatnonzero(row == UNKNOWN)]
        own = row[grave]
        word = "fail" if (own == FAIL).any() else "pass" if (own == PASS).all() else "not assessed"
        yield word, failed, unknown
