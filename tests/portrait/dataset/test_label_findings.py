"""Wrong labels as findings: what is doubtful is not accepted, and shared photographs do not make two people one."""

import numpy as np
import pytest

from mien.models import store
from mien.portrait.dataset.findings import Finding
from mien.portrait.dataset.label_findings import MIN_FACES, find_wrong_labels, group_rates, open_label_model
from mien.portrait.dataset.labels import labels_of
from mien.portrait.dataset.measure_files import AuditModels
from mien.portrait.dataset.measurements import gather, schema
from mien.portrait.dataset.structure import Entry
from mien.types import floats

PEOPLE, IMAGES, SIZE = 12, 8, 32


@pytest.fixture
def vectors() -> np.ndarray:
    draw = np.random.default_rng(0)
    centres = draw.standard_normal((PEOPLE, SIZE))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    rows = np.repeat(centres, IMAGES, axis=0) + 0.5 * draw.standard_normal((PEOPLE * IMAGES, SIZE)) / np.sqrt(SIZE)
    return floats(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def found(vectors: np.ndarray, folders: np.ndarray, shared: frozenset[str] = frozenset()) -> tuple:
    """Doubtful rows and findings of images whose identities are named after their numbers."""
    import pyarrow as pa

    entries = [Entry(f"p{folder}/{row}.jpg", f"p{folder}") for row, folder in enumerate(folders)]
    rows = [
        {"path": entry.path, "embedding": vector.tolist()} for entry, vector in zip(entries, vectors, strict=True)
    ]
    measurements = gather([pa.Table.from_pylist(rows, schema())])
    numbers = np.unique(folders, return_inverse=True)[1]
    doubtful, findings = find_wrong_labels(
        entries, measurements, numbers, labels_of(vectors, numbers, "cosine"), set(shared)
    )
    return np.flatnonzero(doubtful).tolist(), findings


def test_right_labels_are_left_alone(vectors: np.ndarray) -> None:
    assert found(vectors, np.repeat(np.arange(PEOPLE), IMAGES)) == ([], [])


def test_an_image_in_the_wrong_folder_is_doubtful_and_its_person_is_named(vectors: np.ndarray) -> None:
    folders = np.repeat(np.arange(PEOPLE), IMAGES)
    folders[3] = 7
    doubtful, (finding,) = found(vectors, folders)
    assert doubtful == [3]
    assert (finding.kind, finding.place, finding.variant) == ("unlike-others", "p7/3.jpg", "better")
    assert dict(finding.arguments) == {"better": "p0"}
    assert finding.shown[0] == "p7/3.jpg" and finding.shown[1].startswith("p0/")
    assert finding.certainty > 0.5


def test_a_photograph_of_two_people_is_doubtful_without_a_second_finding(vectors: np.ndarray) -> None:
    folders = np.repeat(np.arange(PEOPLE), IMAGES)
    folders[3] = 7
    assert found(vectors, folders, frozenset({"p7/3.jpg"})) == ([3], [])


def test_of_two_people_in_one_folder_the_second_is_doubtful(vectors: np.ndarray) -> None:
    folders = np.repeat(np.arange(PEOPLE), IMAGES)
    folders[folders == 5] = 4
    doubtful, (finding,) = found(vectors, folders)
    assert (finding.kind, finding.place) == ("two-people", "p4")
    assert dict(finding.arguments) == {"first": 8, "second": 8}
    assert [f"p4/{row}.jpg" for row in doubtful] == sorted(finding.others)
    assert {len(set(finding.shown) & set(finding.others))} == {1}, "one image of either person is shown"


def test_one_person_in_two_folders_is_a_finding_and_nobody_is_doubtful(vectors: np.ndarray) -> None:
    folders = np.repeat(np.arange(PEOPLE), IMAGES)
    folders[np.flatnonzero(folders == 9)[:4]] = PEOPLE
    doubtful, (finding,) = found(vectors, folders)
    assert (finding.kind, {finding.place, *finding.others}) == ("one-person-twice", {"p9", f"p{PEOPLE}"})
    assert doubtful == []


@pytest.mark.parametrize("people", [4, 10])
def test_confusable_people_are_a_warning_that_names_a_few_and_counts_many(vectors: np.ndarray, people: int) -> None:
    draw = np.random.default_rng(5)
    middle = draw.standard_normal(SIZE)
    middle /= np.linalg.norm(middle)
    centres = np.repeat(middle + 0.15 * draw.standard_normal((people, SIZE)) / np.sqrt(SIZE), 2, axis=0)
    images = centres + 0.4 * draw.standard_normal(centres.shape) / np.sqrt(SIZE)
    images /= np.linalg.norm(images, axis=1, keepdims=True)
    folders = np.append(np.repeat(np.arange(PEOPLE), IMAGES), PEOPLE + np.repeat(np.arange(people), 2))
    _, findings = found(floats(np.concatenate([vectors, images])), folders)
    (finding,) = [one for one in findings if one.kind == "confusable-people"]
    assert not any(one.kind == "one-person-twice" for one in findings)
    assert finding.severity == "warning" and len(finding.others) == people - 1 and len(finding.shown) == 2
    named = ", ".join(finding.others) if people == 4 else f"{people - 1} others"
    assert finding.message.text("en").startswith(
        f"{finding.place} and {named}: the recognizer cannot tell them apart"
    )
    assert "không phân biệt được" in finding.message.text("vi")


def test_where_people_are_confused_the_cards_rate_of_its_worst_group_is_said() -> None:
    confused = [Finding(kind="confusable-people", place="a", others=("b",), arguments={"count": 1})]
    (note,) = group_rates(confused, store.load("dlib-resnet").card)
    within = store.load("dlib-resnet").card.threshold(1e-3).within("asian")
    assert within is not None and within[1] > 1e-3
    assert "people of the group 'asian'" in note.text("en")
    assert f"{100 * within[0]:.1f}%" in note.text("en") and "0.1%" in note.text("en")
    assert "dlib-resnet" in note.text("vi") and "'asian'" in note.text("vi")


def test_nothing_is_said_of_groups_where_nobody_is_confused_or_a_card_knows_none() -> None:
    card = store.load("dlib-resnet").card
    confused = [Finding(kind="confusable-people", place="a", others=("b",), arguments={"count": 1})]
    assert group_rates([], card) == ()
    assert group_rates(confused, card.model_copy(update={"thresholds": ()})) == ()
    even = tuple(row.model_copy(update={"strata": None}) for row in card.thresholds)
    assert group_rates(confused, card.model_copy(update={"thresholds": even})) == ()


def test_a_folder_of_shared_photographs_alone_is_not_another_persons(vectors: np.ndarray) -> None:
    folders = np.repeat(np.arange(PEOPLE), IMAGES)
    rows = np.flatnonzero(folders == 9)[:4]
    folders[rows] = PEOPLE
    assert found(vectors, folders, frozenset(f"p{PEOPLE}/{row}.jpg" for row in rows)) == ([], [])


def test_without_a_recognizer_or_with_few_faces_there_is_no_model(vectors: np.ndarray) -> None:
    import pyarrow as pa

    def measurements(count: int) -> object:
        rows = [{"path": f"{n}", "embedding": vectors[n].tolist()} for n in range(count)]
        return gather([pa.Table.from_pylist(rows, schema())])

    numbers = np.arange(4)
    assert MIN_FACES == 3
    assert open_label_model(measurements(4), numbers, AuditModels(recognizer="")) is None
    assert open_label_model(measurements(2), numbers[:2], AuditModels()) is None
    assert open_label_model(measurements(3), numbers[:3], AuditModels()) is not None
