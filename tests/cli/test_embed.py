"""mien embed, as a user calls it; what other verbs print while they embed."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mien.cli import embed, run
from mien.evaluate.scorefile import read_origin
from mien.types import Image


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory, collins: Image) -> Path:
    """One person, and fifteen walls."""
    folder = tmp_path_factory.mktemp("photographs")
    for name, image in {
        "Collins": collins,
        **{f"wall{n:02d}": np.full((60, 80, 3), 99, np.uint8) for n in range(15)},
    }.items():
        (folder / name).mkdir()
        Pillow.fromarray(image).save(folder / name / "1.png")
    return folder


def test_samples_without_an_embedding_are_named_up_to_a_limit_and_counted(
    photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "e.parquet"
    assert run(["embed", str(photographs), "--out", str(out), "--detector", "mtcnn"]) == 4
    printed = capsys.readouterr()
    assert "e.parquet: 1 embedding of dlib-resnet" in printed.out.replace("\n", "")
    named = [line for line in printed.err.splitlines() if "1.png: no face" in line]
    assert len(named) == embed.MAX_FAILURES == 10
    assert "15 samples without an embedding; every protocol counts them" in printed.err
    assert read_origin(out).detector == "mtcnn"


def test_a_program_gets_numbers(photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "e.parquet"
    assert run(["embed", str(photographs), "--out", str(out), "--json"]) == 4
    assert json.loads(capsys.readouterr().out) == {"out": str(out), "embedded": 1, "failed": {"no face": 15}}


def test_the_old_option_for_several_faces_still_works_and_says_so(
    photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = str(photographs / "Collins" / ".."), str(tmp_path / "e.parquet")
    assert run(["embed", source, "--out", out, "--several", "take"]) == 4
    assert "--multiple-faces" in capsys.readouterr().err


def test_other_verbs_say_where_they_read_embeddings_that_exist(
    photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = tmp_path / "cache.parquet"
    made = embed.embeddings(photographs, cache, None, None)
    assert "reading the embeddings" not in capsys.readouterr().err
    again = embed.embeddings(photographs, cache, None, None)
    assert f"reading the embeddings in {cache}" in capsys.readouterr().err.replace("\n", "")
    assert (again.embeddings == made.embeddings).all() and len(again) == 1


def test_nothing_is_said_where_every_sample_was_embedded(
    photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "Collins").symlink_to(photographs / "Collins")
    assert run(["embed", str(tmp_path / "set"), "--out", str(tmp_path / "e.parquet")]) == 0
    assert "without an embedding" not in capsys.readouterr().err
