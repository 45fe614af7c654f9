"""People of a data set: groups and sexes, contradictions, and who has too few images."""

import numpy as np

from mien.portrait.dataset.metadata import Metadata
from mien.portrait.dataset.people import few_images, guessed_balances, summarize_people, with_metadata
from mien.portrait.dataset.structure import Entry
from mien.portrait.rules.files import load_rules

ENTRIES = [
    Entry("adults/a/1.jpg", "adults/a", "adult", "female"),
    Entry("adults/a/2.jpg", "adults/a", "adult", "female"),
    Entry("children/b/1.jpg", "children/b", "child", ""),
]


def test_without_a_manifest_folders_say_it_all() -> None:
    assert with_metadata(ENTRIES, None, 7) == (ENTRIES, [])


def test_a_manifest_goes_before_folders_and_a_contradiction_is_a_finding() -> None:
    metadata = Metadata(
        {
            "adults/a/1.jpg": {"birth_date": "2015-06-01", "capture_date": "2021-06-01"},
            "adults/a/2.jpg": {"age_group": "child"},
            "adults/gone.jpg": {"sex": "male"},
        },
        {"b": {"sex": "male", "age_group": "adult"}},
    )
    entries, findings = with_metadata(ENTRIES, metadata, 7)
    assert [(e.group, e.sex) for e in entries] == [("child", "female"), ("child", "female"), ("adult", "male")]
    assert [(f.kind, f.place, f.variant) for f in findings] == [
        ("age-contradiction", "adults/a/1.jpg", "text"),
        ("age-contradiction", "adults/a/2.jpg", "child"),
        ("age-contradiction", "children/b/1.jpg", "adult"),
        ("not-in-folder", "adults/gone.jpg", "text"),
    ]
    assert [f.message.text("en").split(" according")[0] for f in findings[:3]] == [
        "adults/a/1.jpg is 6 years old",
        "adults/a/2.jpg is at most 7 years old",
        "children/b/1.jpg is over 7 years old",
    ]


def test_the_child_age_itself_is_a_childs() -> None:
    dates = {"birth_date": "2014-01-01", "capture_date": "2021-12-31"}
    for limit, group in ((7, "child"), (6, "adult")):
        entries, _ = with_metadata(ENTRIES[:1], Metadata({"adults/a/1.jpg": dates}, {}), limit)
        assert entries[0].group == group


def test_people_are_counted() -> None:
    found = summarize_people(ENTRIES, np.array([True, False, True]), np.array([True, False, False]))
    assert [(p.name, p.group, p.sex, p.images, p.distinct, p.accepted) for p in found] == [
        ("adults/a", "adult", "female", 2, 1, 1),
        ("children/b", "child", "", 1, 1, 0),
    ]
    assert [(f.place, dict(f.arguments)) for f in few_images(found, 2)] == [
        ("adults/a", {"distinct": 1, "needed": 2}),
        ("children/b", {"distinct": 1, "needed": 2}),
    ]
    assert few_images(found, 1) == []


def test_guesses_without_a_confusion_matrix_are_noted_and_not_used() -> None:
    rules = load_rules("vn-portrait")
    guesses = Metadata({}, {"a": {"sex_guess": "male"}, "b": {"sex_guess": "female"}})
    balances, notes = guessed_balances(rules, ENTRIES, guesses)
    assert balances == []
    assert [note.code for note in notes] == ["audit.guesses-unused"]
    assert guessed_balances(rules, ENTRIES, None) == ([], ())
