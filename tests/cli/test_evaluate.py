"""mien embed, mien evaluate and mien convert-threshold as a user types them."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from mien.cli import run
from mien.data.bins import write_bin
from mien.data.shards import encode_crop
from mien.errors import CardError, ContractError
from mien.evaluate.report import read_report
from mien.evaluate.scorefile import Origin, schema_metadata
from mien.gallery.gallery import Gallery
from mien.gallery.stores import open_store
from mien.gallery.thresholds import keep_thresholds, threshold_for
from mien.library.import_model import ModelHints, import_model
from mien.models import store
from mien.models.card import ThresholdRow
from mien.types import Image


@pytest.fixture(scope="module")
def network(make_recognizer: Callable[..., bytes]) -> str:
    """A recognizer of its own, so that what is written on its card harms no other test."""
    return store.save(*import_model(make_recognizer(seed=5), "evaluated", ModelHints(colour="RGB"))).card.name


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory, network: str) -> Path:
    """An embedding file of 300 people with 1 to 3 samples, as that recognizer might have made it."""
    return write(tmp_path_factory.mktemp("embedded") / "set.parquet", network)


def write(path: Path, model: str, seed: int = 0, noise: float = 0.5) -> Path:
    card = store.load(model).card
    generator = np.random.default_rng(seed)
    numbers = np.repeat(np.arange(300), np.random.default_rng(1).integers(1, 4, 300))
    vectors = generator.normal(size=(300, 16))[numbers] + generator.normal(0, noise, (len(numbers), 16))
    names = [f"s{number:03d}" for number in numbers]
    table = pa.table(
        {
            "path": [f"{name}/{k}.jpg" for k, name in enumerate(names)],
            "subject": names,
            "sex": ["male" if number % 2 else "female" for number in numbers],
            "status": ["written"] * len(names),
            "detail": [""] * len(names),
            "sha256": [str(k) for k in range(len(names))],
            "embedding": pa.array([row.astype(np.float32) for row in vectors], pa.list_(pa.float32())),
        }
    )
    origin = Origin(
        contract=card.contract, model=card.name, metric="cosine", normalized=True, detector="mtcnn", source="made-set"
    )
    pyarrow.parquet.write_table(table.replace_schema_metadata(schema_metadata(origin)), path)
    return path


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory, collins: Image, hopper: Image) -> Path:
    """Two people in many guises: enough comparisons for a threshold at a loose rate."""
    root = tmp_path_factory.mktemp("people")
    for k in range(6):
        for name, image in (("Collins", collins), ("Hopper", hopper)):
            (root / f"{name}{k}").mkdir()
            shade = np.clip(image * (0.6 + 0.08 * k), 0, 255).astype(np.uint8)
            cv2.imwrite(str(root / f"{name}{k}" / "1.png"), shade[:, :, ::-1])
    return root


@pytest.mark.parametrize(
    "argv",
    [
        ["impostor"],
        ["mated", "--max-samples", "2"],
        ["identification", "--size", "20", "--size", "100"],
        ["calibrate", "--fmr", "1e-2"],
    ],
    ids=lambda argv: argv[0],
)
def test_protocols_write_their_reports(
    argv: list[str], embedded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report"
    assert run(["evaluate", argv[0], str(embedded), "--out", str(out), *argv[1:]]) == 0
    text = capsys.readouterr().out
    report = read_report(out / "report.json")
    assert report.headline[0] in text and "report.html" in text
    assert run(["evaluate", argv[0], str(embedded), "--out", str(out), *argv[1:], "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["numbers"].keys() == report.numbers.keys()
    assert (out / "report.html").stat().st_size > 1_500 and (out / "report.md").is_file()


def test_verification_of_a_list(embedded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = pyarrow.parquet.read_table(embedded)
    paths, subjects = table.column("path").to_pylist(), table.column("subject").to_pylist()
    rows = [
        f"{paths[k]},{paths[k + 1]},{int(subjects[k] == subjects[k + 1])},{k % 10}" for k in range(len(paths) - 1)
    ]
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("a,b,mated,fold\n" + "\n".join(rows) + "\n")
    argv = ["evaluate", "verification", str(embedded), "--pairs", str(pairs), "--out", str(tmp_path / "r"), "--json"]
    assert run(argv) == 0
    numbers = json.loads(capsys.readouterr().out)["numbers"]
    assert numbers["accuracy"]["value"] > 0.9 and numbers["auc"]["value"] > 0.95
    assert run([*argv, "--published-grid"]) == 0
    grid = json.loads(capsys.readouterr().out)["numbers"]
    assert abs(grid["accuracy"]["value"] - numbers["accuracy"]["value"]) < 0.03
    pairs.write_text("a,b,mated\ns000/0.jpg,nobody.jpg,0\n")
    assert run(argv) == 3
    assert "pairs.csv, pair 1: nobody.jpg is not in made-set" in capsys.readouterr().err


def test_a_bin_set_is_evaluated_as_it_is(
    tmp_path: Path, network: str, collins: Image, hopper: Image, capsys: pytest.CaptureFixture[str]
) -> None:
    generator = np.random.default_rng(0)
    images, mated = [], []
    for k in range(20):
        x, y = generator.integers(0, 12, 2)
        first = collins[60 + y : 172 + y, 170 + x : 282 + x]
        second = (collins if k % 2 else hopper)[64:176, 174:286]
        images += [encode_crop(first, 90), encode_crop(second, 90)]
        mated.append(bool(k % 2))
    write_bin(tmp_path / "own.bin", images, mated)
    out = tmp_path / "r"
    argv = [
        "evaluate",
        "verification",
        str(tmp_path / "own.bin"),
        "--recognizer",
        network,
        "--out",
        str(out),
        "--json",
    ]
    assert run(argv) == 0
    numbers = json.loads(capsys.readouterr().out)["numbers"]
    assert numbers["pairs"]["value"] == 20 and numbers["accuracy"]["value"] == 1.0
    page = (out / "report.html").read_text()
    assert page.count("data:image/jpeg") == 40, "every pair is shown with its pictures"
    assert run(argv) == 0
    assert "reading the embeddings in" in capsys.readouterr().err


def test_two_models_are_compared(
    embedded: Path, network: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    worse = write(embedded.with_name("worse.parquet"), network, noise=0.9)
    assert run(["evaluate", "compare", str(embedded), str(worse), "--out", str(tmp_path / "r")]) == 0
    assert "has fewer errors" in capsys.readouterr().out


def test_thresholds_go_onto_the_card(
    embedded: Path, network: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["evaluate", "calibrate", str(embedded), "--out", str(tmp_path / "r")]
    assert run([*argv, "--fmr", "1e-2", "--fmr", "1e-7", "--card"]) == 3
    message = capsys.readouterr().err
    assert "a false match rate of 1e-07 cannot be shown" in message and "more subjects" in message
    assert not store.load(network).card.thresholds and not (tmp_path / "r").exists()
    assert run([*argv, "--fmr", "1e-2", "--card"]) == 0
    (row,) = store.load(network).card.thresholds
    assert row.fmr == 1e-2 and row.unit == "cosine" and row.fmr_interval is not None
    assert row.strata is not None and set(row.strata) == {"female | female", "female | male", "male | male"}
    assert "made-set" in row.protocol and "chosen on 150 subjects, scored on 150 others" in row.protocol


def test_a_gallery_keeps_thresholds_of_its_own(
    embedded: Path, network: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = store.load(network).card
    path = tmp_path / "people.gallery"
    Gallery.create(path, card).close()
    argv = ["evaluate", "calibrate", str(embedded), "--out", str(tmp_path / "r"), "--fmr", "3e-2"]
    assert run([*argv, "--gallery", str(path)]) == 0
    opened = open_store(path)
    own = threshold_for(opened, card, 3e-2)
    assert own.contract == card.contract and own.fmr == 3e-2
    with pytest.raises(CardError, match=r"no threshold at FMR 0\.5|no measured threshold"):
        threshold_for(opened, card, 0.5)
    row = ThresholdRow(value=0.5, unit="cosine", fmr=0.1, protocol="x")
    with pytest.raises(ContractError, match="these thresholds were measured with contract other"):
        keep_thresholds(opened, "other", [row])
    with_card = card.model_copy(update={"thresholds": (row,)})
    assert threshold_for(opened, with_card, 0.1).value == 0.5, "the card's, where the gallery has none for that rate"
    opened.close()


def test_embed_and_the_robustness_protocol_on_photographs(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "e.parquet"
    assert run(["embed", str(people), "--out", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"out": str(file), "embedded": 12, "failed": {}}
    out = tmp_path / "r"
    argv = ["evaluate", "robustness", str(file), "--out", str(out), "--max-images", "1"]
    assert run([*argv, "--fmr", "1e-4"]) == 3
    assert "more subjects" in capsys.readouterr().err and not out.exists()
    old_verb = ["evaluate", "synthetic", *argv[2:], "--fmr", "1e-4"]
    assert run(old_verb) == 3
    assert "is now called `mien evaluate robustness`" in capsys.readouterr().err
    assert run([*argv, "--fmr", "0.4"]) == 0
    captured = capsys.readouterr()
    assert "now called" not in captured.err
    for place in (captured.err, (out / "report.html").read_text(), (out / "report.md").read_text()):
        assert "robustness bound, not a genuine match rate" in place
    report = read_report(out / "report.json")
    assert report.numbers["fnmr jpeg 1"].value == 0 and "not detected dark 5" in report.numbers


@pytest.mark.parametrize(
    ("argv", "code", "why"),
    [
        (["embed", "{}/gone", "--out", "e.parquet"], 3, "gone does not exist"),
        (["embed", "{}", "--out", "e.npz"], 3, "ends in .parquet"),
        (
            ["embed", "{}", "--out", "e.parquet", "--multiple-faces", "all"],
            2,
            "--multiple-faces is reject or largest",
        ),
        (["evaluate", "verification", "{}", "--out", "r"], 3, "--pairs is needed"),
        (["evaluate", "compare", "{}/a", "{}/b", "--out", "r"], 3, "a is not an embedding file"),
        (["evaluate", "calibrate", "{}", "--fmr", "2", "--out", "r"], 3, "--fmr must be between 0 and 0.5"),
        (["convert-threshold", "3", "--from", "l2"], 3, "the values are from 0 to 2"),
        (["convert-threshold", "1", "--from", "euclid"], 2, "a unit is cosine, l2, squared-l2"),
        (["convert-threshold", "1.5", "--from", "cosine"], 3, "a cosine is between -1 and 1"),
    ],
)
def test_rubbish_gets_one_sentence_and_leaves_nothing(
    people: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    argv: list,
    code: int,
    why: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run([word.format(people) for word in argv]) == code
    message = capsys.readouterr().err
    assert why in message and "Traceback" not in message
    assert not list(tmp_path.iterdir())


def test_embeddings_of_one_model_are_not_taken_for_anothers(
    embedded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["evaluate", "impostor", str(embedded), "--recognizer", "dlib-resnet", "--out", str(tmp_path / "r")]
    assert run(argv) == 3
    assert "was embedded with evaluated" in capsys.readouterr().err and not (tmp_path / "r").exists()
