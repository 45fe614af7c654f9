"""The protocols from an embedded set to a report on disk."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.data.pairs import Pair
from mien.errors import ContractError, ManifestError
from mien.evaluate.protocols.calibration import calibrate
from mien.evaluate.protocols.comparison import comparison
from mien.evaluate.protocols.identification import identification
from mien.evaluate.protocols.impostor import impostor
from mien.evaluate.protocols.mated import capped, mated
from mien.evaluate.protocols.robustness import choose
from mien.evaluate.protocols.verification import evaluate_pairs
from mien.evaluate.render import thumbnail, write_report
from mien.evaluate.report import Report, describe, read_report, share, thin
from mien.evaluate.scorefile import Embedded
from mien.models.card import ModelCard, ThresholdRow
from mien.models.defaults import shipped_card
from mien.rates import Estimate
from mien.types import Image

Make = Callable[..., Embedded]


def listed(embedded: Embedded, folds: int = 5) -> list[Pair]:
    """Mated and non-mated pairs of a set, by its names."""
    own: dict[str, list[str]] = {}
    for subject, name in zip(embedded.subjects, embedded.names, strict=True):
        own.setdefault(subject, []).append(name)
    several = [names for names in own.values() if len(names) > 1]
    firsts = [names[0] for names in own.values()]
    pairs = [Pair(a, b, True, i % folds) for i, (a, b, *_) in enumerate(several)]
    return pairs + [Pair(a, b, False, i % folds) for i, (a, b) in enumerate(pairwise(firsts))]


@pytest.fixture(
    scope="module", params=["verification", "impostor", "mated", "identification", "calibration", "comparison"]
)
def report(request: pytest.FixtureRequest, make_embedded: Make) -> Report:
    embedded = make_embedded()
    if request.param == "verification":
        return evaluate_pairs(embedded, listed(embedded), "pairs.csv")
    if request.param == "calibration":
        return calibrate(make_embedded(subjects=300))
    if request.param == "comparison":
        return comparison(embedded, replace(make_embedded(noise=0.8), origin=replace(embedded.origin, model="other")))
    simple = {"impostor": impostor, "mated": mated, "identification": identification}
    return simple[request.param](embedded)  # type: ignore[operator, no-any-return]


def test_every_report_has_all_its_forms(report: Report, folder: Path) -> None:
    write_report(report, folder)
    assert read_report(folder / "report.json") == report
    raw = json.loads((folder / "report.json").read_text())
    assert raw["format"] == "mien report" and raw["version"] == 1 and raw["numbers"] and raw["headline"]
    page = (folder / "report.html").read_text()
    assert page.count("<svg") == len(report.charts)
    assert not re.search(r'(src|href)="(?!data:|#)', page), "the page asks nothing of the network"
    text = (folder / "report.md").read_text()
    for chart in report.charts:
        picture = cv2.imread(str(folder / f"{chart.name}.png"))
        assert picture is not None and picture.std() > 5
        assert f"({chart.name}.png)" in text
    for table in report.tables:
        assert table.title in text and len({len(row) for row in table.rows} | {len(table.columns)}) == 1
    for sentence in report.headline:
        assert sentence in text
    assert not folder.with_name("report.part").exists()


def test_every_rate_has_its_interval_and_its_comparisons(report: Report) -> None:
    rates = {key: one for key, one in report.numbers.items() if re.match(r"(fmr|fnmr|fnir|rank)", key)}
    for key, one in rates.items():
        assert one.value is not None and one.low is not None and one.high is not None, key
        assert one.low <= one.value <= one.high or "fmr@" in key, key
    for key, one in report.numbers.items():
        assert ("threshold" not in key) or one.unit == "cosine", key


def test_the_same_set_gives_the_same_report(make_embedded: Make, folder: Path) -> None:
    for name in ("a", "b"):
        write_report(mated(make_embedded()), folder / name)
    for path in (folder / "a").iterdir():
        assert path.read_bytes() == (folder / "b" / path.name).read_bytes(), path.name


def test_an_older_report_is_replaced(make_embedded: Make, folder: Path) -> None:
    write_report(mated(make_embedded()), folder)
    before = (folder / "report.json").read_text()
    write_report(mated(make_embedded(seed=1)), folder)
    assert (folder / "report.json").read_text() != before


def test_impostors_need_one_image_a_person(make_embedded: Make) -> None:
    single = make_embedded(most=1, subjects=200)
    report = impostor(single)
    assert report.numbers["non-mated comparisons"].value == 200 * 199 / 2 and not report.warnings
    assert not any(key.startswith("fnmr") for key in report.numbers)
    assert report.tables[0].rows[-1][1] is not None and "more subjects" in str(report.tables[0].rows[-1][1])
    strata = next(table for table in report.tables if table.title.startswith("Strata"))
    assert {row[:2] for row in strata.rows} == {("adult", "adult"), ("adult", "child"), ("child", "child")}
    assert len(report.pairs[0].rows) == 24
    scores = [row.score for row in report.pairs[0].rows]
    assert scores == sorted(scores, reverse=True)
    assert "further images of a subject" in impostor(make_embedded()).warnings[0]


def test_a_photograph_under_two_people_is_pointed_at(make_embedded: Make) -> None:
    embedded = make_embedded(most=1)
    vectors = embedded.embeddings.copy()
    vectors[7] = vectors[3]
    digests = tuple("same" if n in (3, 7) else str(n) for n in range(len(embedded)))
    report = impostor(replace(embedded, embeddings=vectors, sha256=digests))
    assert "1 photographs stand under two subjects" in report.warnings[0]
    assert "s0003/1.jpg (s0003)" in report.warnings[0] and "s0007/1.jpg (s0007)" in report.warnings[0]
    worst = report.pairs[0].rows[0]
    assert (worst.subject_a, worst.subject_b, worst.note) == ("s0003", "s0007", "the same file")


def test_the_cards_thresholds_are_tried_on_the_set(make_embedded: Make) -> None:
    embedded = make_embedded()
    row = ThresholdRow(value=0.8, unit="cosine", fmr=1e-3, protocol="elsewhere")
    card: ModelCard = shipped_card("dlib-resnet").model_copy(update={"thresholds": (row,)})
    own = replace(embedded, origin=replace(embedded.origin, contract=card.contract))
    titles = [table.title for table in mated(own, card=card).tables]
    assert "The card's thresholds on this set" in titles
    assert "The card's thresholds on this set" not in [table.title for table in mated(embedded, card=card).tables]


def test_a_cap_keeps_the_few_from_outvoting_all_others() -> None:
    subjects = np.array([0] * 50 + [1, 1, 2])
    chosen = capped(subjects, 5, 0)
    assert np.bincount(subjects[chosen]).tolist() == [5, 2, 1]
    assert (capped(subjects, 5, 1) != chosen).any()
    assert capped(subjects, 100, 0).tolist() == list(range(53))


def test_sets_that_a_protocol_cannot_use(make_embedded: Make) -> None:
    one = make_embedded(subjects=1)
    with pytest.raises(ManifestError, match="made-set has 1 subjects with an embedding; at least 2 are needed"):
        impostor(one)
    with pytest.raises(ManifestError, match="no subject has two samples"):
        mated(make_embedded(most=1))
    with pytest.raises(ManifestError, match="0 have so many"):
        identification(make_embedded(most=1))
    nameless = make_embedded()
    with pytest.raises(ManifestError, match="has no subject, and this protocol needs one"):
        impostor(replace(nameless, subjects=("", *nameless.subjects[1:])))
    with pytest.raises(ManifestError, match=r"pairs\.csv, pair 1: nobody is not in made-set"):
        evaluate_pairs(nameless, [Pair("nobody", nameless.names[0], True)], "pairs.csv")
    with pytest.raises(ManifestError, match="share 0 samples"):
        comparison(nameless, replace(nameless, paths=tuple(f"/x{path}" for path in nameless.paths)))
    with pytest.raises(ManifestError, match="holds crops, and images are corrupted before detection"):
        choose(replace(nameless, origin=replace(nameless.origin, detector="")), 10)
    other = replace(make_embedded(seed=3), origin=replace(nameless.origin, contract="other"))
    with pytest.raises(ContractError, match="cannot be compared"):
        identification(nameless, distractors=other)


def test_distractors_fill_the_gallery(make_embedded: Make) -> None:
    embedded, more = make_embedded(), make_embedded(seed=9, subjects=500)
    alone, filled = identification(embedded), identification(embedded, distractors=more)
    enrolled = [max(row[0] for row in report.tables[1].rows) for report in (alone, filled)]  # type: ignore[type-var]
    assert enrolled[1] == enrolled[0] + 500
    assert "fills the galleries" in filled.warnings[0]


def test_a_pair_with_a_lost_sample_counts_as_an_error(make_embedded: Make) -> None:
    embedded = make_embedded()
    pairs = listed(embedded)
    lost = embedded.names[0]
    kept = embedded.take(np.arange(1, len(embedded)))
    failing = replace(kept, failed={"no face": 1}, failures=((lost, "no face", ""),))
    report = evaluate_pairs(failing, pairs, "pairs.csv")
    count = sum(lost in (pair.a, pair.b) for pair in pairs)
    assert report.numbers["pairs without an embedding"].value == count > 0
    assert f"{count} pairs have a sample without an embedding" in report.warnings[0]
    assert report.about.not_embedded == {"no face": 1}


def test_calibration_writes_what_a_card_takes(make_embedded: Make) -> None:
    report = calibrate(make_embedded(subjects=300))
    assert report.thresholds and all(isinstance(row, ThresholdRow) for row in report.thresholds)
    assert report.numbers["threshold@1e-02"].value == report.thresholds[0].value
    assert "made-set" in report.thresholds[0].protocol and "detector mtcnn" in report.thresholds[0].protocol
    assert any("cannot be shown" in warning for warning in report.warnings)


def test_shares_for_people() -> None:
    assert [share(v) for v in (0.5, 0.0123, 0.00042, 0.0)] == ["50.00%", "1.23%", "4.2e-04", "0"]
    assert describe(Estimate(0.02, 0.01, 0.04, 10)) == "2.00% (1.00% to 4.00%)"
    assert describe(Estimate(2e-4, 5e-5, 3e-3, 10)) == "2.0e-04 (5.0e-05 to 3.0e-03)"
    assert describe(Estimate(0.0, 0.0, 0.03, 1000)) == "0 of 1,000; below 3.00%"
    assert describe(None) == "no comparisons"
    assert thin([1.0] * 3) == [0, 1, 2] and len(thin([1.0] * 5000)) <= 400 and thin([1.0] * 5000)[-1] == 4999


def test_pictures_that_are_gone_do_not_stop_a_report(tmp_path: Path, collins: Image) -> None:
    assert thumbnail(str(tmp_path / "gone.jpg"), -1) is None
    cv2.imwrite(str(tmp_path / "here.png"), collins)
    data = thumbnail(str(tmp_path / "here.png"), -1)
    assert data is not None and cv2.imdecode(np.frombuffer(data, np.uint8), 1).shape == (140, 140, 3)
