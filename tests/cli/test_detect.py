"""mien detect, as a user calls it."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.cli import run
from mien.image import read_image
from mien.save_image import encode_to
from mien.types import Image


@pytest.fixture(scope="module")
def portrait() -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, portrait: Path) -> Path:
    """12 frames of a portrait that moves to the right."""
    image = cv2.resize(read_image(portrait), (160, 190))[..., ::-1]
    path = tmp_path_factory.mktemp("clip") / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (320, 200))
    for number in range(12):
        frame = np.full((200, 320, 3), 120, np.uint8)
        frame[5:195, 5 * number + 10 : 5 * number + 170] = image
        writer.write(frame)
    writer.release()
    return path


def test_faces_are_saved_cut_out_and_covered(
    portrait: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "hopper.jpg").write_bytes(portrait.read_bytes())
    (tmp_path / "in" / "rubbish.jpg").write_bytes(b"rubbish")
    save, crops, covered = tmp_path / "faces.json", tmp_path / "crops", tmp_path / "covered"
    command = ["detect", str(tmp_path / "in"), "--save", str(save), "--as", "coco"]
    assert run([*command, "--crops", str(crops), "--redact", str(covered), "--json"]) == 4
    shown = capsys.readouterr()
    rows = [json.loads(line) for line in shown.out.splitlines()]
    (own,) = rows[0]["faces"]
    assert "error" in rows[1] and "1 face in 2 files" in shown.err and "1 could not be read or written" in shown.err
    content = json.loads(save.read_text())
    assert content["annotations"][0]["bbox"][0] == pytest.approx(own["box"][0], abs=0.02)
    cut = read_image(crops / "hopper-01.jpg")
    assert cut.shape[1] == pytest.approx(1.5 * (own["box"][2] - own["box"][0]), rel=0.1)
    assert run(["detect", str(covered / "hopper.jpg"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["faces"] == []


def test_a_face_in_a_video_is_followed_and_covered(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = {name: tmp_path / name for name in ("out", "redact", "crops")}
    options = [word for name, folder in folders.items() for word in (f"--{name}", str(folder))]
    assert run(["detect", str(clip), "--json", *options]) == 0
    shown = capsys.readouterr()
    rows = [json.loads(line) for line in shown.out.splitlines()]
    assert [row["frame"] for row in rows] == list(range(12))
    assert {face["track"] for row in rows for face in row["faces"]} == {1}
    assert all(len(row["faces"]) == 1 for row in rows) and "1 face followed" in shown.err
    assert [path.name for path in folders["crops"].glob("*.jpg")] == ["clip-0001.jpg"]
    assert (folders["out"] / "clip.mp4").is_file()
    assert run(["detect", str(folders["redact"] / "clip.mp4"), "--json"]) == 1


def test_a_video_that_cannot_be_opened_loses_nothing_else(
    portrait: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"x" * 500)
    assert run(["detect", str(tmp_path / "bad.mp4"), str(portrait)]) == 4
    shown = capsys.readouterr()
    assert "bad.mp4 cannot be opened" in shown.err and "grace_hopper.jpg" in shown.out


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("--as is csv", ["--as", "xml"]),
        ("ends in .csv or .parquet", ["--save", "faces.json"]),
    ],
)
def test_wrong_options_say_what_is_wanted(
    words: str, arguments: list[str], portrait: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["detect", str(portrait), *arguments]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("size", [(20, 20), (20_000, 10)])
def test_pictures_of_odd_sizes_are_looked_at(
    size: tuple[int, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cv2.imwrite(str(tmp_path / "odd.png"), np.full((size[1], size[0], 3), 100, np.uint8))
    pytest.importorskip("dlib", reason="dlib is an extra")
    for detector in ("mtcnn", "haar", "dlib-hog"):
        assert run(["detect", str(tmp_path / "odd.png"), "--detector", detector, "--json"]) == 1
        assert json.loads(capsys.readouterr().out)["faces"] == []


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_detect_as_json(people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["detect", str(people / "both.png"), str(people / "wall.png"), "--json"]) == 0
    both, wall = lines(capsys)
    assert set(both) == {"path", "width", "height", "turn", "faces"} and both["turn"] == 0
    assert (both["width"], both["height"]) == (1024, 512)
    assert len(both["faces"]) == 2 and wall["faces"] == []
    for face in both["faces"]:
        assert set(face) == {"box", "score", "landmarks"} and len(face["box"]) == 4
        assert len(face["landmarks"]) == 5 and len(face["landmarks"][0]) == 2


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (90, "side.png is on its side: turn it clockwise by 90 degrees"),
        (180, "side.png is upside down: turn it by 180 degrees"),
        (270, "side.png is on its side: turn it counterclockwise by 90 degrees"),
    ],
)
def test_detect_says_that_an_image_is_not_upright(
    turn: int, words: str, tmp_path: Path, collins: Image, capsys: pytest.CaptureFixture[str]
) -> None:
    encode_to(tmp_path / "side.png", np.ascontiguousarray(np.rot90(collins, turn // 90)))
    assert run(["detect", str(tmp_path / "side.png"), "--json"]) == 0
    captured = capsys.readouterr()
    (line,) = [json.loads(line) for line in captured.out.splitlines()]
    assert line["turn"] == turn and len(line["faces"]) == 1
    assert words in " ".join(captured.err.split())


def test_detect_draws_pictures_and_counts_failures(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["detect", str(people / "collins.jpg"), str(people / "rubbish.txt"), "--out", str(tmp_path / "out")])
    captured = capsys.readouterr()
    assert (
        code == 4 and "rubbish.txt is not a JPEG" in captured.err and "1 could not be read or written" in captured.err
    )
    assert [path.name for path in (tmp_path / "out").glob("*.jpg")] == ["collins.jpg"]
    drawn, original = read_image(tmp_path / "out" / "collins.jpg"), read_image(people / "collins.jpg")
    assert drawn.shape == original.shape and np.abs(drawn.astype(int) - original).max() > 80


def test_detect_without_a_face_says_no(people: Path) -> None:
    assert run(["detect", str(people / "wall.png")]) == 1


def test_pictures_of_equal_names_do_not_overwrite_each_other(people: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "same.jpg").write_bytes((people / "collins.jpg").read_bytes())
    assert run(["detect", str(tmp_path), "--out", str(tmp_path / "out")]) == 0
    written = sorted((tmp_path / "out").rglob("*.jpg"))
    assert [str(path.relative_to(tmp_path / "out")) for path in written] == ["a/same.jpg", "b/same.jpg"]


@pytest.mark.parametrize("option", ["--out", "--crops", "--redact"])
def test_three_pictures_of_two_stems_have_three_outputs(option: str, people: Path, tmp_path: Path) -> None:
    for name in ("a/x.jpg", "b/x.jpg", "c/x-2.jpg"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes((people / "collins.jpg").read_bytes())
    sources = [str(tmp_path / name) for name in ("a/x.jpg", "b/x.jpg", "c/x-2.jpg")]
    for _ in range(2):
        assert run(["detect", *sources, option, str(tmp_path / "out")]) == 0
    ending = "-01.jpg" if option == "--crops" else ".jpg"
    written = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.jpg")}
    assert written == {f"a/x{ending}", f"b/x{ending}", f"c/x-2{ending}"}


@pytest.mark.parametrize("option", ["--out", "--redact"])
def test_originals_are_not_replaced_by_covered_or_annotated_copies(
    option: str, people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original = (people / "collins.jpg").read_bytes()
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "collins.jpg").write_bytes(original)
    (tmp_path / "link").symlink_to(tmp_path / "p")
    for place in ("p", "link", "p/../p"):
        assert run(["detect", str(tmp_path / "p"), option, str(tmp_path / place)]) == 3
        assert "is read as an input and would be replaced" in capsys.readouterr().err
    assert (tmp_path / "p" / "collins.jpg").read_bytes() == original
    assert run(["detect", str(tmp_path / "p"), option, str(tmp_path / "p"), "--overwrite"]) == 0
    assert (tmp_path / "p" / "collins.jpg").read_bytes() != original


def test_outputs_in_a_folder_below_the_pictures_are_not_read_by_the_next_run(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "collins.jpg").write_bytes((people / "collins.jpg").read_bytes())
    for _ in range(2):
        capsys.readouterr()
        assert run(["detect", str(tmp_path / "p"), "--redact", str(tmp_path / "p" / "covered")]) == 0
    assert "1 output of an earlier run not read again" in capsys.readouterr().err
    assert len(list(tmp_path.rglob("*.jpg"))) == 2


def test_a_table_that_was_corrected_by_hand_is_not_replaced(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["detect", str(people / "collins.jpg"), "--save", str(tmp_path / "faces.csv")]
    assert [run(command), run(command)] == [0, 0]
    with (tmp_path / "faces.csv").open("a") as stream:
        stream.write("my own row\n")
    assert run(command) == 3 and "was not made by mien, or was changed since" in capsys.readouterr().err
    assert run([*command, "--overwrite"]) == 0


def test_folders_are_searched_for_videos_and_what_is_skipped_is_said(
    clip: Path, people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "in" / "sub" / "clip.avi").write_bytes(clip.read_bytes())
    (tmp_path / "elsewhere" / "collins.jpg").write_bytes((people / "collins.jpg").read_bytes())
    (tmp_path / "in" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "gone.jpg").symlink_to(tmp_path / "nowhere")
    (tmp_path / "in" / "notes.txt").write_text("x")
    assert run(["detect", str(tmp_path / "in"), "--redact", str(tmp_path / "out")]) == 4
    shown = capsys.readouterr().err
    written = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.[jm]p*"))
    assert written == ["linked/collins.jpg", "sub/clip.mp4"]
    assert "skipped 1 file: neither image nor video (.txt 1)" in shown
    assert "loop links to a folder that is read already" in shown and "gone.jpg is a link to what does not" in shown
    assert "2 could not be read or written" in shown
