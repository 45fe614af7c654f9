"""What reports say of samples outside of the scope: counts, and rates with and without them, against plain loops."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mien.data.pairs import Pair
from mien.evaluate.protocols.calibration import calibrate
from mien.evaluate.protocols.identification import identification
from mien.evaluate.protocols.impostor import impostor
from mien.evaluate.protocols.mated import mated
from mien.evaluate.protocols.scope_sections import scope_section
from mien.evaluate.protocols.verification import evaluate_pairs
from mien.evaluate.report import Report
from mien.evaluate.scorefile import Embedded
from mien.messages import Message, text_of
from mien.scope import Scope, scope_of

Make = Callable[..., Embedded]

ORDINARY = {"mask": 0.1, "size": 120.0, "sharpness": -5.0, "pose": 10.0, "grey": 20.0}


def scopes(count: int) -> tuple[Scope | None, ...]:
    """Every fifth face is turned away, every seventh is small, and one was not measured."""
    found: list[Scope | None] = []
    for number in range(count):
        changed = ({"pose": 60.0} if number % 5 == 0 else {}) | ({"size": 30.0} if number % 7 == 0 else {})
        found.append(scope_of({**ORDINARY, **changed}))
    return (None, *found[1:])


@pytest.fixture(scope="module")
def embedded(make_embedded: Make) -> Embedded:
    made = make_embedded(subjects=150)
    vectors = made.embeddings.copy()
    # Turned faces resemble one another less with their own people, and more with others.
    vectors[::5] += np.random.default_rng(3).normal(0.8, 0.8, vectors[::5].shape).astype(np.float32)
    return replace(made, embeddings=vectors, scopes=scopes(len(made)))


def text_of_report(report: Report) -> str:
    return " ".join(text_of(line, "en") for line in report.headline)


def test_a_report_says_how_many_samples_are_outside_and_in_what(embedded: Embedded) -> None:
    section = scope_section(embedded)
    count = len(embedded)
    turned, small = len(range(5, count, 5)), len(range(7, count, 7))
    numbers = {name: value.value for name, value in section.numbers.items()}
    assert numbers["samples outside: pose"] == turned and numbers["samples outside: size"] == small
    assert numbers["samples outside: mask"] == 0 and numbers["samples without scope"] == 1
    assert numbers["samples outside"] == turned + small - len(range(35, count, 35))
    (table,) = section.tables
    rows = {text_of(row[0], "en") if isinstance(row[0], Message) else row[0]: row[2] for row in table.rows}
    assert {name: value for name, value in rows.items() if value} == {
        "small": small, "turned": turned, "any of these": numbers["samples outside"], "not measured": 1,
    }  # fmt: skip
    assert {"mask", "not sharp", "grey"} <= set(rows)


def test_rates_with_and_without_them_equal_plain_loops(embedded: Embedded) -> None:
    report = mated(embedded, max_samples=1000)
    rate = max(float(key.removeprefix("fmr@")) for key in report.numbers if key == "fmr@1e-03")
    limit = report.numbers[f"threshold@{rate:.0e}"].value
    unit = embedded.embeddings / np.linalg.norm(embedded.embeddings, axis=1, keepdims=True)
    alike = unit @ unit.T
    within = [scope is not None and not scope.outside for scope in embedded.scopes]
    turned = [scope is not None and "pose" in scope.outside for scope in embedded.scopes]
    strangers, misses = [], []
    for a in range(len(embedded)):
        for b in range(a):
            if not ((turned[a] and within[b]) or (turned[b] and within[a])):
                continue
            same = embedded.subjects[a] == embedded.subjects[b]
            (misses if same else strangers).append(alike[a, b] >= limit)
    found = report.numbers["fmr@1e-03 outside: pose"]
    assert found.comparisons == len(strangers) and found.value == pytest.approx(np.mean(strangers))
    assert found.low is not None and found.high is not None and found.low < np.mean(strangers) < found.high
    missed = report.numbers["fnmr@1e-03 outside: pose"]
    assert missed.comparisons == len(misses) and missed.value == pytest.approx(1 - np.mean(misses))
    alone = mated(embedded.take(np.flatnonzero(within)), max_samples=1000)
    assert report.numbers["fnmr@1e-03 within scope"] == alone.numbers["fnmr@1e-03"]
    assert report.numbers["fnmr@1e-03 within scope"].value < report.numbers["fnmr@1e-03"].value


def test_every_protocol_says_it(embedded: Embedded, list_pairs: Callable[[Embedded], list[Pair]]) -> None:
    made = (
        evaluate_pairs(embedded, list_pairs(embedded), "pairs.csv"),
        impostor(embedded),
        mated(embedded),
        identification(embedded),
        calibrate(embedded, fmr=[0.1]),
    )
    for report in made:
        assert "samples are outside of what recognizers are measured on: small" in text_of_report(report), (
            report.protocol
        )
        assert report.numbers["samples outside"].value
        for language in ("en", "vi"):
            assert report.in_language(language).tables


def test_pairs_of_a_list_are_compared_with_and_without_them(
    embedded: Embedded, list_pairs: Callable[[Embedded], list[Pair]]
) -> None:
    report = evaluate_pairs(embedded, list_pairs(embedded), "pairs.csv").in_language("en")
    table = report.tables[-1]
    assert table.title == "With and without these samples, at thresholds for FMR 0.1"
    names = [row[0] for row in table.rows]
    assert names[:2] == ["all pairs", "both samples within the scope"]


def test_searches_are_shown_with_and_without_them(embedded: Embedded) -> None:
    report = identification(embedded).in_language("en")
    table = report.tables[-1]
    assert table.title == "Searches with and without these samples"
    within = [scope is not None and not scope.outside for scope in embedded.scopes]
    alone = identification(embedded.take(np.flatnonzero(within))).in_language("en")
    shown = [row[2:] for row in table.rows if row[0] == "samples within the scope"]
    enrolled = max(int(str(row[0])) for row in alone.tables[0].rows)
    assert shown and shown == [
        (row[1], row[2], row[4]) for row in alone.tables[0].rows if int(str(row[0])) == enrolled
    ]


def test_impostors_have_no_false_non_matches_by_scope(embedded: Embedded) -> None:
    report = impostor(embedded)
    assert not [key for key in report.numbers if key.startswith("fnmr")]
    assert "fmr@1e-03 outside: pose" in report.numbers
    assert len(report.tables[-1].columns) == 3


def test_a_file_of_an_older_version_says_that_nothing_is_known(make_embedded: Make) -> None:
    old = make_embedded()
    assert scope_section(old) == scope_section(replace(old, scopes=(None,) * len(old))), "nothing is claimed"
    (warning,) = scope_section(replace(old, origin=replace(old.origin, version=1))).warnings
    assert "embed the set again" in text_of(warning, "en")
