"""Options that verbs share: the command line goes before the settings, and wrong values are wrong commands."""

from pathlib import Path

import pytest
import typer

from mien.cli import options
from mien.models.options import EngineOptions


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"DETECTOR": "haar", "RECOGNIZER": "mine", "LANGUAGE": "vi", "ENGINE": "openvino"}.items():
        monkeypatch.setenv(f"MIEN_{name}", value)
    monkeypatch.setenv("MIEN_THREADS", "3")


def test_what_is_asked_for_goes_before_the_settings() -> None:
    assert (options.detector("mtcnn"), options.detector(None)) == ("mtcnn", "haar")
    assert (options.recognizer("dlib-resnet"), options.recognizer(None)) == ("dlib-resnet", "mine")
    assert (options.language("en"), options.language(None)) == ("en", "vi")
    expected = EngineOptions(engine="onnxruntime", precision="f32", threads=3)
    assert options.engine_options("onnxruntime", "f32") == expected
    assert options.engine_options(None, None) == EngineOptions(engine="openvino", precision="auto", threads=3)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: options.language("fr"), "--language: "),
        (lambda: options.engine_options("steam", None), "--engine: engine is one of"),
        (lambda: options.engine_options(None, "f8"), "--precision: precision is one of"),
        (lambda: options.multiple_faces("all", None, "reject"), "--multiple-faces is reject or largest, not all"),
        (lambda: options.multiple_faces(None, "all", "reject"), "--multiple-faces is reject or largest, not all"),
        (lambda: options.named(["a=1", "b"], "--part", "NAME=SHARE"), "--part takes NAME=SHARE, not b"),
        (lambda: options.named(["=1"], "--part", "NAME=SHARE"), "--part takes NAME=SHARE, not =1"),
    ],
)
def test_wrong_values_are_wrong_commands(call, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as stopped:
        call()
    assert stopped.value.exit_code == 2 and says in capsys.readouterr().err


def test_the_former_option_is_read_with_a_notice(capsys: pytest.CaptureFixture[str]) -> None:
    assert options.multiple_faces(None, None, "reject") == "reject"
    assert options.multiple_faces("largest", None, "reject") == "largest" and capsys.readouterr().err == ""
    assert options.multiple_faces(None, "take", "reject") == "largest"
    assert "--several is now --multiple-faces" in capsys.readouterr().err
    assert options.multiple_faces("reject", "take", "largest") == "reject", "the new option goes before the old one"


def test_names_and_values_keep_further_signs() -> None:
    assert options.named(["a=1", "b=x=y"], "--part", "NAME=SHARE") == {"a": "1", "b": "x=y"}
    assert options.named(None, "--part", "NAME=SHARE") == {}


def test_folders_become_their_images_and_files_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("set/b.jpg", "set/a/c.png", "set/note.txt", "loose.dat"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    loose, missing = tmp_path / "loose.dat", tmp_path / "missing.jpg"
    found = options.expand([loose, tmp_path / "set", missing])
    assert found == [loose, tmp_path / "set/a/c.png", tmp_path / "set/b.jpg", missing]
    (tmp_path / "set" / "clip.mp4").write_text("x")
    (tmp_path / "set" / "notes.txt").write_text("x")
    (tmp_path / "set" / "gone").symlink_to(tmp_path / "nowhere")
    capsys.readouterr()
    assert options.expand([tmp_path / "set"]) == found[1:3]
    said = capsys.readouterr().err
    assert (
        "skipped 3 files: not an image (.txt 2, .mp4 1)" in said and "gone is a link to what does not exist" in said
    )
    (tmp_path / "empty").mkdir()
    with pytest.raises(typer.Exit) as stopped:
        options.expand([tmp_path / "empty"])
    assert stopped.value.exit_code == 3 and "empty holds no images" in capsys.readouterr().err
