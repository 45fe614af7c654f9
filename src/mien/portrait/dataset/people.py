"""Who is in a data set: age group and sex of each image, and the numbers of images of each identity.

What a manifest says of people goes before folders, and a contradiction is a finding. Guesses nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mien.messages import Message
from mien.portrait.dataset.balance import GroupBalance, balance_of_guesses
from mien.portrait.dataset.findings import Finding
from mien.portrait.dataset.metadata import Metadata, age_at
from mien.portrait.dataset.structure import Entry, same_name
from mien.portrait.rules.schema import RuleSet


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSummary:
    """An identity.

    Attributes:
        name: its folder.
        group: adult, child, or nothing where that is not known.
        sex: male, female, or nothing where that is not known.
        images: number of files.
        distinct: number of images that can be read and are not duplicates of others.
        accepted: number of images that pass.
    """

    name: str
    group: str
    sex: str
    images: int
    distinct: int
    accepted: int


def with_metadata(
    entries: Sequence[Entry], metadata: Metadata | None, child_age: int
) -> tuple[list[Entry], list[Finding]]:
    """Entries with the age group and sex that a manifest says, and where it disagrees with the folders."""
    if metadata is None:
        return list(entries), []
    found, findings = [], []
    for entry in entries:
        facts = metadata.of(entry)
        group = _group(facts, child_age)
        if group and entry.group and group != entry.group:
            findings.append(_contradiction(entry, facts, group, child_age))
        found.append(replace(entry, group=group or entry.group, sex=facts.get("sex", entry.sex)))
    listed = {same_name(entry.path) for entry in entries}
    absent = [path for path in metadata.by_path if path not in listed]
    return found, [*findings, *(Finding(kind="not-in-folder", place=path) for path in absent)]


def _group(facts: Mapping[str, str], child_age: int) -> str:
    """The age group that a manifest says: by dates, or else by name."""
    age = age_at(facts)
    return facts.get("age_group", "") if age is None else "child" if age <= child_age else "adult"


def _contradiction(entry: Entry, facts: Mapping[str, str], group: str, child_age: int) -> Finding:
    age = age_at(facts)
    if age is None:
        variant = "child" if group == "child" else "adult"
        limits = {"limit": child_age}
        return Finding(kind="age-contradiction", place=entry.path, arguments=limits, variant=variant)
    return Finding(kind="age-contradiction", place=entry.path, arguments={"age": age})


def summarize_people(
    entries: Sequence[Entry], distinct: NDArray[np.bool_], accepted: NDArray[np.bool_]
) -> tuple[PersonSummary, ...]:
    """Every identity, in the order of the entries.

    Args:
        entries: all images.
        distinct: (N,) whether an image can be read and is not a duplicate.
        accepted: (N,) whether an image passes.
    """
    rows: dict[str, list[int]] = defaultdict(list)
    for row, entry in enumerate(entries):
        rows[entry.subject].append(row)
    return tuple(
        PersonSummary(
            name=name,
            group=_usual(entries[row].group for row in own),
            sex=_usual(entries[row].sex for row in own),
            images=len(own),
            distinct=int(distinct[own].sum()),
            accepted=int(accepted[own].sum()),
        )
        for name, own in rows.items()
    )


def _usual(words: Iterable[str]) -> str:
    """The most frequent word; nothing where there is none."""
    counts = Counter(word for word in words if word)
    return counts.most_common(1)[0][0] if counts else ""


def few_images(people: Sequence[PersonSummary], needed: int) -> list[Finding]:
    """People with too few different images."""
    return [
        Finding(kind="few-images", place=one.name, arguments={"distinct": one.distinct, "needed": needed})
        for one in people
        if one.distinct < needed
    ]


def guessed_balances(
    rules: RuleSet, entries: Sequence[Entry], metadata: Metadata | None
) -> tuple[list[GroupBalance], tuple[Message, ...]]:
    """Balances from an attribute model's guesses, and a note where these cannot be used."""
    people = {} if metadata is None else {e.subject: metadata.of(e).get("sex_guess", "") for e in entries}
    if not any(people.values()) or rules.balance.sex is None:
        return [], ()
    found = balance_of_guesses("sex", list(people.values()), rules.balance.sex)
    return ([], (Message("audit.guesses-unused"),)) if found is None else ([found], ())
