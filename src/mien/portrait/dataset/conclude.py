"""Everything that follows from what was listed and measured: the composition of an audit.

Rules, duplicates, labels, people, balance, and what is accepted. Measures nothing and writes nothing; opens images
only to compare candidates for duplicates.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.models import store
from mien.portrait.dataset.audit import Audit, Bools, RuleResult, lacks_model
from mien.portrait.dataset.balance import GroupBalance, MissingPeople, balance, missing_people
from mien.portrait.dataset.duplicate_findings import find_duplicates
from mien.portrait.dataset.findings import Finding
from mien.portrait.dataset.label_findings import find_wrong_labels, group_rates, open_label_model
from mien.portrait.dataset.measure_files import AuditModels
from mien.portrait.dataset.measurements import Measurements
from mien.portrait.dataset.metadata import Metadata
from mien.portrait.dataset.people import (
    PersonSummary,
    few_images,
    guessed_balances,
    summarize_people,
    with_metadata,
)
from mien.portrait.dataset.structure import Entry, Listing
from mien.portrait.measures.catalogue import MEASURES
from mien.portrait.rules.schema import Rule, RuleSet
from mien.portrait.rules.verdicts import PASS, states


def conclude(
    listing: Listing,
    measurements: Measurements,
    rules: RuleSet,
    models: AuditModels,
    metadata: Metadata | None,
    scratch: Path | None = None,
) -> Audit:
    """Put everything that was found into one value.

    Args:
        listing: the images and what is wrong with their folders.
        measurements: in the order of the images.
        rules: by which they are checked.
        models: what they were measured with.
        metadata: what a manifest says of them.
        scratch: a folder for files without a name; None keeps everything in memory.
    """
    readable = measurements.readable
    entries, contradictions = with_metadata(listing.entries, metadata, rules.structure.child_age)
    numbers = {subject: number for number, subject in enumerate(sorted({entry.subject for entry in entries}))}
    folders = np.fromiter((numbers[entry.subject] for entry in entries), np.int64, len(entries))
    label_model = open_label_model(measurements, folders, models, scratch)
    is_duplicate, duplicates = find_duplicates(listing.root, entries, measurements, folders, label_model)
    is_doubtful, wrong_labels = find_wrong_labels(
        entries, measurements, folders, label_model, _two_owners(duplicates)
    )
    results = tuple(_apply(rule, measurements) for rule in rules.rule)
    accepted = readable & _keeps_rules(results, readable) & ~is_duplicate & ~is_doubtful
    people = summarize_people(entries, readable & ~is_duplicate, accepted)
    balances, missing = _balances(rules, entries, people, readable)
    guessed, notes = guessed_balances(rules, entries, metadata)
    if models.recognizer:
        notes = (*notes, *group_rates(wrong_labels, store.load(models.recognizer).card))
    findings = [
        *listing.findings,
        *_unreadable(entries, readable),
        *contradictions,
        *(metadata.findings if metadata is not None else ()),
        *duplicates,
        *wrong_labels,
        *few_images(people, rules.structure.min_images),
    ]
    return Audit(
        root=listing.root,
        rules=rules,
        models=models,
        entries=entries,
        measurements=measurements,
        results=results,
        findings=tuple(findings),
        people=people,
        balances=(*balances, *guessed),
        missing=tuple(missing),
        accepted=accepted,
        readable=readable,
        notes=notes,
    )


def _apply(rule: Rule, measurements: Measurements) -> RuleResult:
    values = measurements.values(rule.measure)
    has_sd = MEASURES[rule.measure].has_sd
    sds = measurements.values(f"{rule.measure}_sd") if has_sd else np.zeros(len(values), np.float32)
    return RuleResult(rule, states(rule, values, np.nan_to_num(sds))[0], values)


def _keeps_rules(results: Sequence[RuleResult], readable: Bools) -> NDArray[np.bool_]:
    """Which images pass every rule of severity error.

    An image of which a rule cannot be judged does not pass. A rule that no image could be judged by, for lack of a
    model, decides about none of them: the report says so (Audit.never_judged).
    """
    passed = [r.states == PASS for r in results if r.rule.severity == "error" and not lacks_model(r)]
    return np.asarray(np.all(passed, axis=0)) if passed else readable


def _unreadable(entries: Sequence[Entry], readable: Bools) -> list[Finding]:
    rows = np.flatnonzero(~readable).tolist()
    return [Finding(kind="unreadable-image", place=entries[row].path) for row in rows]


def _two_owners(duplicates: Sequence[Finding]) -> set[str]:
    """Images that are in the folders of two people."""
    return {path for one in duplicates if one.kind == "same-photo-two-people" for path in (one.place, *one.others)}


def _balances(
    rules: RuleSet, entries: Sequence[Entry], people: Sequence[PersonSummary], readable: Bools
) -> tuple[list[GroupBalance], list[MissingPeople]]:
    wanted, found = rules.balance, []
    images = [entry for entry, good in zip(entries, readable, strict=True) if good]
    if wanted.sex:
        found.append(balance("sex", "people", [one.sex for one in people], wanted.sex))
        found.append(balance("sex", "images", [one.sex for one in images], wanted.sex))
    if wanted.age:
        found.append(balance("age", "people", [one.group for one in people], wanted.age))
        found.append(balance("age", "images", [one.group for one in images], wanted.age))
    return found, missing_people([(one.sex, one.group) for one in people], wanted.sex, wanted.age)
