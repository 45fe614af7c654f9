"""Places of outputs are tried before any work begins."""

import errno
import io
import os
from pathlib import Path

import pytest

from mien.cli import output_trial, run
from mien.cli.output_trial import try_output


@pytest.fixture(autouse=True)
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever opens a model has begun its work."""

    def begin(*_: object, **__: object) -> None:
        raise AssertionError("the work began")

    for module in ("detect", "identify"):
        monkeypatch.setattr(f"mien.cli.{module}.open_pipeline", begin, raising=False)
    monkeypatch.setattr("mien.models.store.load", begin)


VERBS = {
    "detect --out": ["detect", "IN", "--out", "PLACE"],
    "detect --crops": ["detect", "IN", "--crops", "PLACE"],
    "detect --redact": ["detect", "IN", "--redact", "PLACE"],
    "detect --save": ["detect", "IN", "--save", "PLACE/faces.csv"],
    "identify --out": ["identify", "IN", "IN", "--out", "PLACE"],
    "identify --crops": ["identify", "IN", "IN", "--crops", "PLACE"],
    "identify --save": ["identify", "IN", "IN", "--save", "PLACE/who.csv"],
    "check --out": ["check", "IN", "--out", "PLACE"],
    "enrol": ["enrol", "PLACE/people.gallery", "IN"],
    "reenrol": ["reenrol", "PLACE/people.gallery", "--recognizer", "dlib-resnet"],
    "samples --out": ["samples", "PLACE/people.gallery", "An", "--out", "PLACE"],
    "embed": ["embed", "IN", "--out", "PLACE/e.parquet"],
    "audit --out": ["audit", "IN", "--out", "PLACE"],
    "audit --accept": ["audit", "IN", "--accept", "PLACE"],
    "evaluate verification": ["evaluate", "verification", "IN", "--out", "PLACE"],
    "evaluate impostor": ["evaluate", "impostor", "IN", "--out", "PLACE"],
    "evaluate detection": ["evaluate", "detection", "IN", "--out", "PLACE"],
    "evaluate attacks": ["evaluate", "attacks", "IN", "--scores", "PLACE/s.csv"],
    "verify": ["verify", "IN", "--out", "PLACE"],
    "cluster": ["cluster", "IN", "--out", "PLACE"],
    "data import": ["data", "import", "IN", "--out", "PLACE/m.csv"],
    "data prepare": ["data", "prepare", "IN", "--out", "PLACE"],
    "data split": ["data", "split", "IN", "--out", "PLACE", "--part", "a=1"],
    "data overlap": ["data", "overlap", "IN", "IN", "--out", "PLACE"],
    "data export --rec": ["data", "export", "IN", "--rec", "PLACE"],
    "data export --folder": ["data", "export", "IN", "--folder", "PLACE"],
    "bench detectors": ["bench", "detectors", "IN", "--out", "PLACE"],
    "tour": ["tour", "--out", "PLACE"],
    "models bundle": ["models", "bundle", "PLACE/b.zip"],
}
"""A command for every option that names something to write."""


@pytest.mark.parametrize("verb", VERBS)
def test_a_full_disk_is_found_before_the_work(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Full(io.BytesIO):
        def flush(self) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self) -> None: ...

    monkeypatch.setattr(output_trial, "TemporaryFile", lambda dir: Full())
    (tmp_path / "in").mkdir()
    words = {"IN": str(tmp_path / "in")}
    arguments = [words.get(word, word.replace("PLACE", str(tmp_path / "place"))) for word in VERBS[verb]]
    assert run(arguments) == 3
    error = capsys.readouterr().err
    assert error.startswith(f"mien: {tmp_path / 'place'}") and error.count("\n") == 1
    assert "the disk is full: free some space" in error
    assert not (tmp_path / "place").exists()


@pytest.mark.parametrize("verb", VERBS)
def test_a_file_where_a_folder_must_be_is_found_before_the_work(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "place").write_text("a file")
    words = {"IN": str(tmp_path / "in")}
    arguments = [words.get(word, word.replace("PLACE", str(tmp_path / "place"))) for word in VERBS[verb]]
    if verb == "detect --save":
        arguments += ["--as", "yolo"]
    assert run(arguments) == 3
    assert f"mien: {tmp_path / 'place'} needs a folder where there is a file" in capsys.readouterr().err
    assert (tmp_path / "place").read_text() == "a file"


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_a_place_that_takes_nothing_is_named(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(dir: Path) -> None:
        raise OSError(number, os.strerror(number), f"{dir}/tmpabc")

    monkeypatch.setattr(output_trial, "TemporaryFile", refuse)
    with pytest.raises(OSError, match="place") as caught:
        try_output(tmp_path / "new" / "place")
    assert caught.value.errno == number and caught.value.filename == str(tmp_path / "new" / "place")


@pytest.mark.parametrize("name", ["x" * 256, "x" * 256 + "/a.csv", "a/" + "x" * 256, "ạ" * 90 + "/a.csv", "x" * 5000])
def test_a_name_that_is_too_long_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="too long"):
        try_output(tmp_path / name)


def test_what_can_be_written_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("old")
    for name in ("old.csv", "new.csv", "a/b/c.csv", "x" * 255):
        try_output(tmp_path / name, kind="file")
    try_output(tmp_path, kind="folder")
    try_output(tmp_path / "new", kind="folder")
    assert [path.name for path in tmp_path.iterdir()] == ["old.csv"] and (tmp_path / "old.csv").read_text() == "old"


def test_a_device_is_not_replaced_by_a_file() -> None:
    with pytest.raises(OSError, match="Not a regular file"):
        try_output(Path(os.devnull), kind="file")


def test_a_folder_is_not_taken_for_a_file(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        try_output(tmp_path, kind="file")
