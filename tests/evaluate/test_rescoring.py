"""Fusion and score normalization against plain loops, the cohort's people, and the verdict on what they are worth."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from mien.cli import run
from mien.errors import ContractError, ManifestError
from mien.evaluate.protocols.mated import mated
from mien.evaluate.protocols.sections import subject_numbers
from mien.evaluate.rescoring import Rescoring, fuse, judged, normalize_scores, require_disjoint
from mien.evaluate.scorefile import Embedded, Origin, schema_metadata
from mien.evaluate.templates import pool
from mien.pairwise.all_pairs import compare_all
from mien.scores import score_all, score_pairs
from mien.types import Floats, floats

Make = Callable[..., Embedded]


@pytest.fixture(params=["cosine", "l2"])
def embedded(request: pytest.FixtureRequest, make_embedded: Make) -> Embedded:
    made = make_embedded(subjects=60, noise=0.8)
    return replace(made, origin=replace(made.origin, metric=request.param))


@pytest.fixture
def cohort(make_embedded: Make, embedded: Embedded) -> Embedded:
    made = make_embedded(seed=9, subjects=40)
    return replace(
        made,
        subjects=tuple(f"other-{name}" for name in made.subjects),
        paths=tuple(f"/other{path}" for path in made.paths),
        sha256=tuple(f"other-{digest}" for digest in made.sha256),
        origin=replace(embedded.origin, source="cohort"),
    )


def similarity_of(a: Floats, b: Floats, metric: str) -> float:
    x, y = a.astype(np.float64), b.astype(np.float64)
    if metric == "cosine":
        return float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))
    return -float(np.linalg.norm(x - y))


def plainly(a: Floats, b: Floats, people: list[Floats], kind: str, nearest: int, metric: str) -> float:
    """The normalized score of two embeddings, the first of them enrolled."""
    score = similarity_of(a, b, metric)
    parts = []
    for side, vector in (("z", a), ("t", b)):
        scores = sorted(similarity_of(vector, person, metric) for person in people)
        chosen = scores[-nearest:] if nearest else scores
        if kind in (side, "s"):
            parts.append((score - np.mean(chosen)) / np.std(chosen))
    return float(np.mean(parts))


@pytest.mark.parametrize(("kind", "nearest"), [("s", 0), ("s", 10), ("z", 0), ("t", 10)])
def test_normalized_scores_are_those_of_plain_loops(
    embedded: Embedded, cohort: Embedded, kind: str, nearest: int
) -> None:
    changed = normalize_scores(embedded, cohort, kind, nearest)
    _, first = np.unique(np.asarray(cohort.subjects), return_index=True)
    people = [cohort.embeddings[row] for row in first]
    metric, base = changed.origin.metric, embedded.origin.metric
    rows = [(0, 5), (3, 70), (90, 12)]
    a, b = (changed.embeddings[[pair[side] for pair in rows]] for side in (0, 1))
    expected = [plainly(embedded.embeddings[i], embedded.embeddings[j], people, kind, nearest, base) for i, j in rows]
    np.testing.assert_allclose(score_pairs(a, b, metric), expected, rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(np.diag(score_all(b, a, metric)), expected, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("kind", ["s", "z", "t"])
def test_all_pairs_have_the_normalized_scores_of_pairs(embedded: Embedded, cohort: Embedded, kind: str) -> None:
    changed = normalize_scores(embedded, cohort, kind)
    numbers = subject_numbers(changed)
    generator = np.random.default_rng(0)
    strata = [str(value) for value in generator.integers(0, 3, len(changed))]
    pairs = compare_all(changed.embeddings, numbers, changed.origin.metric, strata=strata)
    assert len(pairs.tail) == pairs.nonmated, "all are kept"
    samples = pairs.tail_samples
    expected = score_pairs(
        changed.embeddings[samples[:, 0]], changed.embeddings[samples[:, 1]], changed.origin.metric
    )
    np.testing.assert_allclose(pairs.tail, expected, rtol=1e-3, atol=2e-3)
    assert (samples[:, 0] < samples[:, 1]).all(), "the earlier sample is the enrolled one"
    assert pairs.value(1.5) == 1.5, "more is more alike, in standard deviations"


def test_fused_scores_are_the_weighted_mean_of_both(make_embedded: Make) -> None:
    a = make_embedded()
    other = make_embedded(seed=4).embeddings[: len(a)]
    b = replace(
        a.take(np.arange(len(other))[::-1].copy()),
        embeddings=floats(other * 3),
        origin=replace(a.origin, model="b", contract="b"),
    )
    fused = fuse(a, b, 0.7)
    assert fused.origin.metric == "cosine" and fused.origin.model == "a-model + b"
    place = {path: row for row, path in enumerate(b.paths)}
    for i, j in ((0, 1), (5, 40)):
        one = similarity_of(a.embeddings[i], a.embeddings[j], "cosine")
        two = similarity_of(b.embeddings[place[a.paths[i]]], b.embeddings[place[a.paths[j]]], "cosine")
        score = score_pairs(fused.embeddings[[i]], fused.embeddings[[j]], "cosine")[0]
        assert score == pytest.approx(0.7 * one + 0.3 * two, abs=1e-5)


def test_a_distance_and_a_cosine_are_fused_as_squared_distances(make_embedded: Make) -> None:
    a = make_embedded()
    b = replace(a, origin=replace(a.origin, metric="l2", normalized=False, model="b"))
    fused = fuse(a, b, 0.5)
    assert fused.origin.metric == "l2" and not fused.origin.normalized
    cosine = similarity_of(a.embeddings[0], a.embeddings[9], "cosine")
    distance = similarity_of(a.embeddings[0], a.embeddings[9], "l2")
    score = score_pairs(fused.embeddings[[0]], fused.embeddings[[9]], "l2")[0]
    assert score**2 == pytest.approx(0.5 * (2 - 2 * cosine) + 0.5 * distance**2, rel=1e-4)


def test_a_sample_that_one_recognizer_lacks_counts_as_failed(make_embedded: Make) -> None:
    a = make_embedded()
    fused = fuse(a, a.take(np.arange(5, len(a))), 0.5)
    assert len(fused) == len(a) - 5 and fused.failed == {"embedded by one recognizer alone": 5}
    assert fused.attempts == len(a) and fused.failed_subjects == a.subjects[:5]
    with pytest.raises(ManifestError, match="share 0 samples"):
        fuse(a, replace(a, paths=("x",) * len(a)), 0.5)
    with pytest.raises(ManifestError, match="above 0 and below 1, not 1"):
        fuse(a, a, 1.0)


def test_people_and_images_of_the_set_are_refused_in_a_cohort(embedded: Embedded, cohort: Embedded) -> None:
    require_disjoint(embedded, cohort)
    with pytest.raises(ManifestError, match=r"1 people are in the cohort cohort and in made-set, such as s0003"):
        require_disjoint(embedded, replace(cohort, subjects=("s0003", *cohort.subjects[1:])))
    with pytest.raises(ManifestError, match="is in the cohort and in made-set under another name"):
        require_disjoint(embedded, replace(cohort, sha256=(embedded.sha256[7], *cohort.sha256[1:])))
    with pytest.raises(ManifestError, match="has no subject; a cohort says who"):
        require_disjoint(embedded, replace(cohort, subjects=("", *cohort.subjects[1:])))
    with pytest.raises(ContractError, match="embed the cohort with the same recognizer"):
        normalize_scores(embedded, replace(cohort, origin=replace(cohort.origin, contract="x")), "s")
    with pytest.raises(ManifestError, match="has 3 people; at least 20"):
        few = np.flatnonzero(np.isin(cohort.subjects, sorted(set(cohort.subjects))[:3]))
        normalize_scores(embedded, cohort.take(few), "s")
    with pytest.raises(ManifestError, match="no normalization 'x'; available: s, z, t"):
        normalize_scores(embedded, cohort, "x")


def test_options_that_do_not_go_together_are_refused(embedded: Embedded, cohort: Embedded) -> None:
    assert not Rescoring() and Rescoring().apply(embedded) is embedded
    with pytest.raises(ManifestError, match="name its embeddings with --cohort"):
        Rescoring(normalization="s").apply(embedded)
    with pytest.raises(ManifestError, match="a cohort is for score normalization"):
        Rescoring(cohort=cohort).apply(embedded)
    with pytest.raises(ManifestError, match="choose one of both"):
        Rescoring(fused=embedded, normalization="s", cohort=cohort).apply(embedded)
    with pytest.raises(ManifestError, match="no embeddings of the second recognizer"):
        Rescoring(fused=embedded).apply_to_others(cohort)
    normal = Rescoring(normalization="s", cohort=cohort).apply(embedded)
    with pytest.raises(ManifestError, match="without --normalize"):
        pool(replace(normal, templates=normal.subjects))


def test_the_verdict_is_the_paired_comparison_with_the_set_as_it_was(make_embedded: Make) -> None:
    before = make_embedded(subjects=200, noise=0.9)
    generator = np.random.default_rng(5)
    second = floats(
        make_embedded(subjects=200, noise=0.0).embeddings + generator.normal(0, 0.9, before.embeddings.shape)
    )
    after = fuse(before, replace(before, embeddings=second, origin=replace(before.origin, model="b")), 0.5)
    report = judged(mated(after), before, after)
    found = report.numbers["rescored: fnmr difference@1e-02"]
    assert found.value is not None and found.high is not None and found.high < 0, "two independent looks are better"
    shown = report.in_language("en")
    assert any("a-model + b has fewer errors" in str(line) for line in shown.headline)
    assert "paired by person" in str(shown.tables[-1].title)
    same = judged(mated(before), before, before)
    assert not any("fewer errors" in str(line) for line in same.in_language("en").headline)


def test_without_mated_comparisons_there_is_no_verdict(make_embedded: Make) -> None:
    single = make_embedded(max_samples=1)
    report = judged(mated(make_embedded()), single, single)
    assert "is not known" in str(report.in_language("en").warnings[-1])
    assert not any(name.startswith("rescored") for name in report.numbers)


def test_the_program_fuses_and_normalizes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def write(name: str, seed: int, people: int, prefix: str, model: str) -> str:
        generator = np.random.default_rng(seed)
        numbers = np.repeat(np.arange(people), 2)
        centres = np.random.default_rng(people).normal(size=(people, 8))
        vectors = centres[numbers] + generator.normal(0, 0.7, (len(numbers), 8))
        table = pa.table(
            {
                "path": [f"/{prefix}{k}.jpg" for k in range(len(numbers))],
                "subject": [f"{prefix}{n}" for n in numbers],
                "status": ["written"] * len(numbers),
                "detail": [""] * len(numbers),
                "sha256": [f"{prefix}{k}" for k in range(len(numbers))],
                "embedding": pa.array([row.astype(np.float32) for row in vectors], pa.list_(pa.float32())),
            }
        )
        origin = Origin(
            contract=model, model=model, metric="cosine", normalized=True, detector="", source=f"set-{prefix}"
        )
        pyarrow.parquet.write_table(table.replace_schema_metadata(schema_metadata(origin)), tmp_path / name)
        return str(tmp_path / name)

    a, b = write("a.parquet", 1, 80, "s", "one"), write("b.parquet", 2, 80, "s", "two")
    cohort = write("c.parquet", 3, 50, "c", "one")
    assert run(["evaluate", "mated", a, "--fuse", b, "--json"]) == 0
    numbers = json.loads(capsys.readouterr().out)["numbers"]
    assert numbers["rescored: fnmr difference@1e-02"]["value"] < 0
    assert (
        run(["evaluate", "identification", a, "--normalize", "s", "--cohort", cohort, "--cohort-nearest", "20"]) == 0
    )
    assert "s-norm" in capsys.readouterr().out
    assert run(["evaluate", "mated", a, "--normalize", "s", "--cohort", a]) == 3
    assert "people are in the cohort" in capsys.readouterr().err
    assert run(["evaluate", "calibrate", a, "--fuse", b]) == 2, "a card knows nothing of a second recognizer"
