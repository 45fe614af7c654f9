"""What holds for every verb: odd file names, a closed pipe, wrong commands and things that are missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mien.cli import config as settings_verb
from mien.cli import run


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_file_names_that_are_no_utf8(people: Path, tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/set/N\xff"
    Path(os.fsdecode(folder)).mkdir(parents=True)
    (Path(os.fsdecode(folder)) / "1.png").write_bytes((people / "enrol/Eileen Collins/1.png").read_bytes())
    with open(folder + b"/2.jpg", "wb") as file:  # noqa: PTH123 - a name in bytes
        file.write(b"rubbish")
    gallery = str(tmp_path / "g")
    for command, code in (
        (["enrol", gallery, str(tmp_path / "set"), "--json"], 4),
        (["identify", gallery, os.fsdecode(folder), "--json"], 4),
        (["detect", os.fsdecode(folder)], 4),
        (["subjects", gallery], 0),
    ):
        done = subprocess.run([sys.executable, "-m", "mien", *command], capture_output=True, check=False)
        assert done.returncode == code and b"Traceback" not in done.stderr, done.stderr.decode()
        assert b"N\\" in done.stdout


def test_a_reader_that_goes_away_is_no_error(people: Path) -> None:
    command = f"'{sys.executable}' -m mien detect '{people}' --json | head -c 10"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, check=False)
    assert b"Traceback" not in done.stderr and b"BrokenPipe" not in done.stderr


FAULTS = [
    ValueError("odd"),
    KeyError("x"),
    MemoryError(),
    RecursionError(),
    OSError(28, "No space left"),
    UserWarning(),
]


def _fail(monkeypatch: pytest.MonkeyPatch, reason: BaseException) -> None:
    """Let a light verb end with an exception."""

    def load(*_: object) -> None:
        raise reason

    monkeypatch.setattr(settings_verb, "find_settings", load)


@pytest.mark.parametrize("reason", FAULTS, ids=lambda reason: type(reason).__name__)
def test_whatever_ends_a_command_is_one_sentence_and_exit_code_3(
    reason: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _fail(monkeypatch, reason)
    assert run(["config", "list"]) == 3
    error = capsys.readouterr().err
    assert error.startswith("mien: ") and error.count("\n") == 1 and "Traceback" not in error


@pytest.mark.parametrize("place", [0, 1, 2])
def test_debug_shows_the_traceback_before_and_after_the_verb(
    place: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _fail(monkeypatch, ValueError("odd"))
    arguments = ["config", "list"]
    arguments.insert(place, "--debug")
    assert run(arguments) == 3
    error = capsys.readouterr().err
    assert "Traceback" in error and error.endswith("(ValueError: odd)\n")


def test_debug_is_also_an_environment_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _fail(monkeypatch, ValueError("odd"))
    for value, shows in (("1", True), ("0", False), ("", False)):
        monkeypatch.setenv("MIEN_DEBUG", value)
        assert run(["config", "list"]) == 3
        assert ("Traceback" in capsys.readouterr().err) is shows


def test_a_file_called_debug_is_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", "--", "--debug", "--debug"]) == 3
    assert capsys.readouterr().err == "mien: --debug does not exist\n"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("config list > /dev/full", 3),
        ("config list --json > /dev/full", 3),
        ("--help > /dev/full", 3),
        ("config list >&-", 0),
        ("config list 2> /dev/full", 0),
        ("compare missing.jpg missing.jpg 2> /dev/full", 3),
        ("compare missing.jpg missing.jpg 2>&-", 3),
    ],
)
def test_streams_that_are_full_or_closed_never_read_as_an_answer(line: str, code: int) -> None:
    done = subprocess.run(["bash", "-c", f"'{sys.executable}' -m mien {line}"], capture_output=True, check=False)
    assert done.returncode == code
    assert b"Traceback" not in done.stderr and b"Exception" not in done.stderr
    if "> /dev/full" in line and code == 3 and "2>" not in line:
        assert done.stderr.count(b"\n") == 1 and b"the disk is full" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["dettect"], "No such command 'dettect'"),
        (["detect"], "Missing argument"),
        (["verify", "cards.csv"], "See `mien verify --help`."),
        (["data", "import", "a"], "See `mien data import --help`."),
        (["detect", "x.jpg", "--nonsense"], "No such option"),
        (
            ["detect", "x.jpg", "--engine", "steam"],
            "--engine: engine is one of auto, onnxruntime, openvino, not 'steam'",
        ),
        (["identify", "missing.gallery", "x.jpg", "--top", "0"], "--top"),
    ],
)
def test_wrong_commands_are_told_in_a_sentence(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    error = capsys.readouterr().err
    assert says in error and "Traceback" not in error


def test_missing_things_name_the_remedy(people: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["identify", str(tmp_path / "none"), str(people / "wall.png")]) == 3
    assert "make one with `mien enrol" in capsys.readouterr().err
    assert run(["detect", str(people / "wall.png"), "--detector", "nobody"]) == 3
    assert "mien models pull" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert run(["detect", str(tmp_path / "empty")]) == 3
    assert "holds no images" in capsys.readouterr().err


def test_idle_threads_of_the_matrix_library_spin_25_ms_after_each_search() -> None:
    code = (
        "import os, sys, mien.cli as cli; before = 'numpy' in sys.modules; sys.argv = ['mien', 'doctor', '--help']\n"
        "try: cli.main()\n"
        "finally: print(before, os.environ['OPENBLAS_THREAD_TIMEOUT'])"
    )
    clean = {name: value for name, value in os.environ.items() if name != "OPENBLAS_THREAD_TIMEOUT"}
    for given, expected in (({}, "False 4"), ({"OPENBLAS_THREAD_TIMEOUT": "20"}, "False 20")):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env={**clean, **given}, check=True
        )
        assert done.stdout.splitlines()[-1] == expected
