"""IJB's protocol on a made-up set in exactly its layout, against plain loops and scikit-learn."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from sklearn.metrics import roc_curve

from made_ijb import MadeIjb, write_ijb
from mien.cli import run
from mien.detect.families import open_detector
from mien.errors import ManifestError
from mien.evaluate.protocols.ijb import ijb, mean_fnir
from mien.evaluate.scorefile import Embedded, Origin
from mien.evaluate.searches import SearchPoint, SearchResult
from mien.library.import_model import ModelHints, import_model
from mien.models import store
from mien.rates import Estimate, Moves
from mien.templates import ARCFACE_112
from mien.types import Floats, Image, floats


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeIjb:
    return write_ijb(tmp_path_factory.mktemp("IJBC"), ARCFACE_112, people=120)


def embed(made: MadeIjb, noise: float = 1.0, skip: frozenset[int] = frozenset()) -> Embedded:
    """The faces of the set as vectors; those of some templates have none."""
    generator = np.random.default_rng(3)
    centres = generator.normal(size=(2000, 12))
    vectors = np.array([centres[face[3] - 1000] + generator.normal(0, noise, 12) for face in made.faces])
    lengths = generator.uniform(5, 20, len(vectors))
    rows = [row for row, face in enumerate(made.faces) if face[1] not in skip]
    kept, vectors, lengths = [made.faces[row] for row in rows], vectors[rows], lengths[rows]
    return Embedded(
        embeddings=floats(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)),
        subjects=tuple(str(subject) for *_, subject, _ in kept),
        paths=tuple(name for name, *_ in kept),
        records=(-1,) * len(kept),
        names=tuple(name for name, *_ in kept),
        strata={},
        sha256=("",) * len(kept),
        origin=Origin(
            contract="c", model="m", metric="cosine", normalized=True, detector="", source=str(made.folder)
        ),
        templates=tuple(str(template) for _, template, *_ in kept),
        medias=tuple(str(media) for _, _, media, *_ in kept),
        qualities={"norm": floats(lengths), "detector_score": floats([score for *_, score in kept])},
    )


def pooled_plainly(embedded: Embedded) -> dict[int, np.ndarray]:
    """Features times norm times detector score; means of media, summed, to unit length."""
    media: dict[int, dict[str, list[Floats]]] = {}
    weight = embedded.qualities["norm"] * embedded.qualities["detector_score"]
    for row, template in enumerate(embedded.templates):
        vector = embedded.embeddings[row] * weight[row]
        media.setdefault(int(template), {}).setdefault(embedded.medias[row], []).append(vector)
    found = {}
    for template, of_template in media.items():
        total = np.sum([np.mean(vectors, axis=0) for vectors in of_template.values()], axis=0)
        found[template] = total / np.linalg.norm(total)
    return found


def test_tar_at_far_is_that_of_plain_loops_and_of_scikit_learn(made: MadeIjb) -> None:
    embedded = embed(made)
    report = ijb(embedded)
    vectors = pooled_plainly(embedded)
    scores = np.array([float(vectors[a] @ vectors[b]) for a, b, _ in made.pairs])
    mated = np.array([same for *_, same in made.pairs])
    strangers = np.sort(scores[~mated])[::-1]
    shown = [rate for rate in (1e-1, 1e-2, 1e-3) if rate * len(strangers) >= 10]
    assert shown == [1e-1, 1e-2, 1e-3]
    fpr, tpr, _ = roc_curve(mated, scores, drop_intermediate=False)
    for rate in shown:
        found = report.numbers[f"tar@far={rate:.0e}"]
        allowed = int(rate * len(strangers))
        plain = float((scores[mated] > (strangers[allowed - 1] + strangers[allowed]) / 2).mean())
        assert found.value == pytest.approx(plain, abs=1e-9)
        assert found.value == pytest.approx(tpr[np.flatnonzero(fpr <= rate)[-1]], abs=0.02)
        assert found.low is not None and found.high is not None and found.low <= plain <= found.high
    assert report.numbers["pairs"].value == len(made.pairs)
    last = report.in_language("en").tables[0].rows[-1]
    assert last[0] == "1e-06" and "10,000,000 are needed" in str(last[3])


def test_both_galleries_are_searched_and_fnir_is_that_of_plain_loops(made: MadeIjb) -> None:
    embedded = embed(made)
    report = ijb(embedded)
    vectors = pooled_plainly(embedded)
    for name, gallery in made.galleries.items():
        best_stranger, own, ranks = [], [], []
        for probe, subject in made.probes.items():
            scores = {t: float(vectors[probe] @ vectors[t]) for t in gallery}
            mine = [t for t, other in gallery.items() if other == subject]
            if mine:
                own.append(scores[mine[0]])
                ranks.append(sum(value > scores[mine[0]] for value in scores.values()))
            else:
                best_stranger.append(max(scores.values()))
        allowed, strangers = int(0.1 * len(best_stranger)), np.sort(best_stranger)[::-1]
        limit = (strangers[allowed - 1] + strangers[allowed]) / 2
        missed = np.mean([score < limit or rank > 0 for score, rank in zip(own, ranks, strict=True)])
        assert report.numbers[f"fnir@fpir=1e-01 {name}"].value == pytest.approx(missed)
        for k in (1, 5, 10):
            hit = np.mean(np.array(ranks) < k)
            assert report.numbers[f"rank-{k} {name}"].value == pytest.approx(hit)
    both = [report.numbers[f"fnir@fpir=1e-01 {name}"].value or 0 for name in made.galleries]
    mean = report.numbers["fnir@fpir=1e-01 mean"]
    assert mean.value == pytest.approx(np.mean(both)) and mean.low is not None and mean.low < np.mean(both)


def test_a_template_without_an_embedding_is_missed_in_pairs_and_searches(made: MadeIjb) -> None:
    lost = frozenset(list(made.probes)[:6])
    whole, short = ijb(embed(made)), ijb(embed(made, skip=lost))
    for key in ("tar@far=1e-01", "rank-5 G1", "rank-5 G2"):
        assert (short.numbers[key].value or 0) < (whole.numbers[key].value or 0)
        assert short.numbers[key].comparisons == whole.numbers[key].comparisons
    assert short.numbers["pairs without an embedding"].value == sum(b in lost for _, b, _ in made.pairs)
    assert "counts as an error" in short.in_language("en").warnings[0]  # type: ignore[operator]


def test_lists_of_another_set_or_none_are_refused(made: MadeIjb, tmp_path: Path) -> None:
    embedded = embed(made)
    with pytest.raises(ManifestError, match=r"has no meta/ijbc_face_tid_mid\.txt .* --lists"):
        ijb(embedded, lists=tmp_path)
    other = write_ijb(tmp_path / "other", ARCFACE_112)
    text = "".join(f"{a + 9000} {b + 9000} 1\n" for a, b, _ in other.pairs)
    (other.folder / "meta" / "ijbc_template_pair_label.txt").write_text(text)
    with pytest.raises(ManifestError, match="is it of another set"):
        ijb(embedded, lists=other.folder)
    for file in [*(other.folder / "meta").glob("*.csv"), *(other.folder / "meta").glob("*_label.txt")]:
        file.unlink()
    with pytest.raises(ManifestError, match="neither a list of pairs nor galleries"):
        ijb(embedded, lists=other.folder)


def test_the_mean_of_galleries_has_the_moves_of_both() -> None:
    assert mean_fnir([]) == {}
    moves = Moves(each=np.array([0.01, -0.01, 0.02, -0.02]), subjects=4, effective=4.0, twice=0.0)

    def result(value: float) -> SearchResult:
        fnir = Estimate(value, value / 2, value * 2, 100)
        point = SearchPoint(0.1, 0.5, Estimate(0.1, 0.05, 0.2, 100), fnir, moves)
        return SearchResult(
            enrolled=2,
            templates=2,
            mated_searches=100,
            nonmated_searches=100,
            points=(point,),
            curve=(),
            hits=(),
        )

    found = mean_fnir([result(0.1), result(0.3)])[0.1]
    assert found.value == pytest.approx(0.2) and found.low < 0.2 < found.high
    assert mean_fnir([result(0.0), result(0.0)])[0.1].value == 0


def test_the_folder_itself_is_evaluated_and_its_points_align_the_faces(
    collins: Image, make_recognizer: Callable[..., bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = store.save(*import_model(make_recognizer(seed=9), "of-templates", ModelHints(colour="RGB"))).card.name
    half = np.ascontiguousarray(collins[:320:2, 100:400:2])
    points = open_detector().detect([collins])[0][0].landmarks
    made = write_ijb(tmp_path / "IJBC", floats((points - [100, 0]) / 2), people=4)
    for row, (name, *_) in enumerate(made.faces):
        shade = np.clip(half * (0.6 + 0.8 * ((row * 7) % 10) / 10), 0, 255).astype(np.uint8)
        cv2.imwrite(str(made.folder / "loose_crop" / name), shade[:, :, ::-1])
    out = tmp_path / "report"
    assert run(["evaluate", "ijb", str(made.folder), "--recognizer", network, "--out", str(out), "--json"]) == 0
    numbers = json.loads(capsys.readouterr().out)["numbers"]
    assert numbers["templates"]["value"] == 12 and numbers["pairs"]["value"] == len(made.pairs)
    assert 0 <= numbers["rank-1 G1"]["value"] <= 1
    again = run(["evaluate", "ijb", str(out / "embeddings.parquet"), "--weights", "equal", "--language", "vi"])
    assert again == 0 and "khuôn" in capsys.readouterr().out
