"""mien audit: what it passes on, prints and exits with."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from mien import portrait
from mien.cli import run
from mien.messages import translate
from mien.portrait.checking import DEFAULT_RULES


@pytest.fixture(scope="module")
def data_set(people: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people with an image each, without the broken file."""
    folder = tmp_path_factory.mktemp("audit") / "set"
    shutil.copytree(people / "enrol", folder)
    (folder / "Grace Hopper" / "broken.jpg").unlink()
    return folder


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> dict:
    """What the room is called with."""
    asked: dict = {}

    def audit(folder: Path, rules: str, **more: object) -> object:
        asked.update(more, folder=folder, rules=rules)
        found = SimpleNamespace(unreadable=0, passed=True)
        return SimpleNamespace(audit=found, out=more["out"], summary={"passed": True, "findings": [1]}, accepted=3)

    monkeypatch.setattr(portrait, "audit", audit, raising=False)
    return asked


def test_defaults_are_those_of_the_room_and_the_settings(called: dict, tmp_path: Path) -> None:
    assert run(["audit", str(tmp_path), "--json"]) == 0
    assert (called["folder"], called["rules"], called["out"]) == (tmp_path, DEFAULT_RULES, None)
    assert (called["detector"], called["recognizer"], called["language"]) == ("mtcnn", "dlib-resnet", "en")
    assert not called["flat"] and not called["keep"] and not called["link"] and called["accept"] is None
    assert called["portrait_models"] == () and called["workers"] >= 1


def test_options_reach_the_room(called: dict, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "--rules", "icao", "--out", "o", "--flat", "--manifest", "m.csv", "--accept", "good", "--link", "--language",
        "vi", "--workers", "3", "--no-labels", "--keep", "--detector", "haar", "--portrait-model", "a", "--expert",
        "b", "--engine", "openvino", "--precision", "f32", "--json",
    ]  # fmt: skip
    assert run(["audit", str(tmp_path), *words]) == 0
    assert (called["rules"], called["out"], called["manifest"]) == ("icao", Path("o"), Path("m.csv"))
    assert called["flat"] and called["link"] and called["keep"] and called["accept"] == Path("good")
    assert (called["language"], called["workers"], called["recognizer"]) == ("vi", 3, None)
    assert (called["detector"], called["portrait_models"]) == ("haar", ("a", "b"))
    assert (called["options"].engine, called["options"].precision) == ("openvino", "f32")
    captured = capsys.readouterr()
    assert "3 images in good" in captured.err
    assert json.loads(captured.out) == {"passed": True}, "findings are in report.json"


@pytest.mark.parametrize(("unreadable", "passed", "code"), [(0, True, 0), (0, False, 1), (1, True, 4), (1, False, 4)])
def test_the_exit_code_says_what_was_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, unreadable: int, passed: bool, code: int
) -> None:
    found = SimpleNamespace(
        audit=SimpleNamespace(unreadable=unreadable, passed=passed), out=tmp_path, summary={}, accepted=0
    )
    monkeypatch.setattr(portrait, "audit", lambda *_, **__: found, raising=False)
    assert run(["audit", str(tmp_path), "--json"]) == code


def test_the_report_may_not_be_in_the_data_set(data_set: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["audit", str(data_set), "--flat", "--out", str(data_set / "report"), "--no-labels"]) == 2
    assert "must not change: choose a different --out" in capsys.readouterr().err
    assert not (data_set / "report").exists()


def test_an_unknown_language_is_refused_before_anything_is_measured(
    data_set: Path, capsys: pytest.CaptureFixture[str], called: dict
) -> None:
    assert run(["audit", str(data_set), "--language", "xx"]) == 2
    assert "--language:" in capsys.readouterr().err and called == {}


@pytest.mark.parametrize("language", ["en", "vi"])
def test_it_prints_rules_findings_and_the_verdict(
    data_set: Path, tmp_path: Path, language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report"
    words = ["--flat", "--no-labels", "--workers", "1", "--language", language, "--out", str(out)]
    assert run(["audit", str(data_set), *words]) == 1
    shown = capsys.readouterr().out
    summary = json.loads((out / "report.json").read_text(encoding="utf-8"))
    verdict, why, page = shown.splitlines()[-3:]
    assert (verdict, page) == (translate("audit.not-met", language), str(out / "report.html"))
    assert why.startswith(translate("audit.because", language, reasons="").removesuffix(".")) and why.endswith(".")
    for code in ("audit.rule", "audit.limit", "audit.severity", "word.fail", "word.not-assessed", "audit.finding"):
        assert translate(code, language) in shown
    rows = [rule for rule in summary["by_rule"] if rule["fail"] or rule["not_assessed"]]
    assert len(rows) >= 5 and summary["findings_by_kind"] == {"few-images": 2}
    first, second = shown.split(translate("audit.finding", language), 1)
    assert len(first.splitlines()) - 1 == len(rows)
    assert second.splitlines()[1].split()[-1] == "2"
