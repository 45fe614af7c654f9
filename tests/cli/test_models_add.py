"""mien models add: what a file does not say of itself is an option."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mien.cli import models_add, run
from mien.evaluate.template_trial import TemplateTrial, TriedTemplate

Make = Callable[..., bytes]


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_HOME", str(tmp_path / "home"))


@pytest.fixture
def net(make_recognizer: Make, tmp_path: Path) -> Path:
    """A recognizer's file."""
    file = tmp_path / "net.onnx"
    file.write_bytes(make_recognizer())
    return file


def test_a_recognizer_needs_its_colour_order(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "add", str(net)]) == 3
    assert "--colour RGB or --colour BGR" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--colour", "GRB"], "GRB is not one of RGB, BGR"),
        (["--metric", "dot"], "dot is not one of cosine, l2"),
        (["--template", "none"], "a template is arcface, arcface-96x112, dlib, box:MARGIN, or five points"),
        (["--expert", "mood"], "--expert is landmarks, mesh, iris, eyes, pose, parsing, quality, liveness, not mood"),
        (["--expert", "pose", "--output", "unit"], "--output of pose is degrees, radians, matrix, not unit"),
        (["--expert", "parsing", "--crop", "aligned"], "--crop of parsing is box, upright, not aligned"),
        (["--expert", "pose", "--signs", "1,1"], "--signs three as 1,1,-1"),
    ],
)
def test_wrong_words_are_wrong_commands(
    arguments: list[str], says: str, net: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", "add", str(net), *arguments]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(("fnmr", "said"), [(0.96, True), (0.05, False)])
def test_a_recognizer_that_recognizes_nobody_in_any_pose_is_said_to_get_wrong_pixels(
    net: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fnmr: float, said: bool
) -> None:
    """A wrong --mean gave 96.6% to 98.3% false non-matches for all templates, without a word about it."""
    tried = (TriedTemplate(template="arcface", fnmr=fnmr, difference=None),)
    trial = TemplateTrial(tried=tried, images=9, people=3)
    monkeypatch.setattr(models_add, "try_templates", lambda *_, **__: trial)
    assert run(["models", "add", str(net), "--colour", "RGB", "--images", str(net.parent)]) == 0
    assert ("no template works: --colour, --mean or --scale is another one" in capsys.readouterr().err) == said
