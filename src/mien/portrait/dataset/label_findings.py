"""Wrong labels of a data set, as findings that people check. Estimates nothing itself; see labels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.errors import CardError
from mien.messages import Message
from mien.messages.figures import percent
from mien.models import store
from mien.models.card import ModelCard
from mien.portrait.dataset.choose_faces import choose_faces
from mien.portrait.dataset.findings import Finding
from mien.portrait.dataset.labels import Labels
from mien.portrait.dataset.measure_files import AuditModels
from mien.portrait.dataset.measurements import Measurements
from mien.portrait.dataset.structure import Entry
from mien.portrait.dataset.suspicions import Confused, Merge, Split, Suspect

NAMES = 6
"""People that a sentence names; of more, it says how many."""
MIN_FACES = 3
"""With fewer faces there is nothing to learn from."""
SAID = 1e-3
"""The false match rate whose threshold stands for a recognizer, where it is said how it holds for groups."""


def open_label_model(
    measurements: Measurements, folders: NDArray[np.int64], models: AuditModels, scratch: Path | None = None
) -> Labels | None:
    """The embeddings with their folders; None without a recognizer, or with too few faces to learn from.

    Args:
        measurements: with embeddings.
        folders: (N,) number of each row's identity.
        models: what they were measured with.
        scratch: a folder for files without a name; None keeps everything in memory.
    """
    if not models.recognizer or len(measurements.rows) < MIN_FACES:
        return None
    spec = store.load(models.recognizer).card.embedding
    assert spec is not None
    own = np.unique(folders[measurements.rows], return_inverse=True)[1]
    vectors = choose_faces(
        measurements.embeddings,
        measurements.rows,
        measurements.others,
        measurements.other_rows,
        folders,
        spec.metric,
        scratch,
    )
    return Labels(vectors, own, spec.metric, scratch=scratch)


def find_wrong_labels(
    entries: Sequence[Entry],
    measurements: Measurements,
    folders: NDArray[np.int64],
    label_model: Labels | None,
    shared: set[str],
) -> tuple[NDArray[np.bool_], list[Finding]]:
    """Which rows may show somebody else, and the findings.

    A photograph that two people have (`shared`) is already a finding: it is not one of labels too, and does not make
    two people one.
    """
    doubtful = np.zeros(len(entries), bool)
    if label_model is None:
        return doubtful, []
    naming = _name(entries, measurements.rows, folders)
    splits, suspects = label_model.splits(), label_model.suspects()
    split = {row for one in splits for row in one.second}
    doubtful[[naming.row(row) for row in split]] = True
    doubtful[[naming.row(one.row) for one in suspects]] = True
    alone = [one for one in suspects if one.row not in split and naming.path(one.row) not in shared]
    return doubtful, [
        *(naming.split(one) for one in splits),
        *(naming.suspect(one) for one in alone),
        *(naming.merge(one) for one in _real_merges(label_model, naming, shared)),
        *(naming.confused(one) for one in label_model.confused()),
    ]


def group_rates(findings: Sequence[Finding], card: ModelCard) -> tuple[Message, ...]:
    """What the recognizer's card says of the group for which its threshold fails, where people are confused.

    No certainty is computed from that rate: a pair has to stand out from its own neighbours, who are of its group,
    and that says more than one rate of a group to which a data set may not belong.
    """
    if not any(one.kind == "confusable-people" for one in findings):
        return ()
    try:
        threshold = card.threshold(SAID)
    except CardError:
        return ()
    group = threshold.failing_group
    measured = None if group is None else threshold.within(group)
    if group is None or measured is None:
        return ()
    rate, low, high = (percent(value) for value in measured)
    wanted = percent(SAID)
    return (
        Message(
            "audit.group-rate",
            {"model": card.name, "group": group, "rate": rate, "low": low, "high": high, "wanted": wanted},
        ),
    )


def _real_merges(label_model: Labels, naming: "_Naming", shared: set[str]) -> Iterator[Merge]:
    """Pairs of folders that do not look like one person because of shared photographs alone."""
    for merge in label_model.merges():
        people = (label_model.groups[folder][0] for folder in (merge.a, merge.b))
        if not any(all(naming.path(int(row)) in shared for row in person) for person in people):
            yield merge


def _name(entries: Sequence[Entry], rows: NDArray[np.int64], folders: NDArray[np.int64]) -> "_Naming":
    names = {int(folder): entry.subject for folder, entry in zip(folders, entries, strict=True)}
    return _Naming(entries, rows, [names[int(folder)] for folder in np.unique(folders[rows])])


@dataclass(frozen=True, slots=True)
class _Naming:
    """Paths and names for the numbers of a label model."""

    entries: Sequence[Entry]
    rows: NDArray[np.int64]
    people: Sequence[str]

    def row(self, row: int) -> int:
        """The row of the data set for a row of the model."""
        return int(self.rows[row])

    def path(self, row: int) -> str:
        """The path of an image."""
        return self.entries[self.row(row)].path

    def person(self, folder: int) -> str:
        """The name of the identity with a number."""
        return self.people[folder]

    def split(self, one: Split) -> Finding:
        """Two people in one folder."""
        return Finding(
            kind="two-people",
            place=self.person(one.folder),
            others=tuple(self.path(row) for row in one.second),
            arguments={"first": len(one.first), "second": len(one.second)},
            shown=(self.path(one.first[0]), self.path(one.second[0])),
            certainty=round(one.certainty, 3),
        )

    def suspect(self, one: Suspect) -> Finding:
        """An image that is unlike the others of its person."""
        is_named = one.better >= 0
        return Finding(
            kind="unlike-others",
            place=self.path(one.row),
            others=(self.path(one.like),),
            arguments={"better": self.person(one.better)} if is_named else {},
            variant="better" if is_named else "text",
            shown=(self.path(one.row), self.path(one.like)),
            certainty=round(one.certainty, 3),
        )

    def merge(self, one: Merge) -> Finding:
        """One person in two folders."""
        return Finding(
            kind="one-person-twice",
            place=self.person(one.a),
            others=(self.person(one.b),),
            shown=(self.path(one.row_a), self.path(one.row_b)),
            certainty=round(one.certainty, 3),
        )

    def confused(self, one: Confused) -> Finding:
        """People whom the recognizer cannot tell apart."""
        first, *others = (self.person(folder) for folder in one.folders)
        return Finding(
            kind="confusable-people",
            place=first,
            others=tuple(others),
            arguments={"count": len(others)},
            variant="many" if len(others) > NAMES else "text",
            shown=(self.path(one.row_a), self.path(one.row_b)),
        )
