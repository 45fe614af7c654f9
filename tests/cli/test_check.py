"""mien check: what it prints, its exit codes, a made-up measure, and a further language."""

import json
from pathlib import Path

import pytest

from mien.cli import run
from mien.portrait.measures.catalogue import MEASURES
from mien.portrait.measures.measure import Measure
from mien.portrait.rules.files import load_rules, shipped_text


def test_the_command_says_what_to_do_and_exits_by_the_verdict(hopper_path: Path, collins_path: Path, capsys) -> None:
    assert run(["check", str(hopper_path)]) == 5
    out = capsys.readouterr().out
    assert "Take off your glasses" in out
    assert "No rule fails, but not all of them can be judged." in out
    assert (
        "- The eyes are open: cannot be judged without a model for iris: `mien models pull recommended` brings one"
        in out
    )
    assert run(["check", str(collins_path), "--language", "vi", "--all"]) == 1
    out = capsys.readouterr().out
    assert "Đến gần hơn" in out
    assert "Ảnh chưa đạt yêu cầu." in out


def test_a_failure_counts_more_than_what_is_not_judged(hopper_path: Path, collins_path: Path) -> None:
    assert run(["check", str(hopper_path), str(collins_path)]) == 1


def test_the_command_gives_json(hopper_path: Path, capsys) -> None:
    assert run(["check", str(hopper_path), "--rules", "icao", "--json"]) == 1
    value = json.loads(capsys.readouterr().out)
    assert value["passed"] is False
    assert len(value["rules"]) == len(load_rules("icao").rule)
    assert all(rule["state"] in ("pass", "fail", "not assessed") for rule in value["rules"])


def test_the_command_prints_rules_to_copy_and_reads_them(hopper_path: Path, tmp_path: Path, capsys) -> None:
    assert run(["check", "--show-rules", "vn-portrait"]) == 0
    text = capsys.readouterr().out
    assert text == shipped_text("vn-portrait")
    (tmp_path / "mine.toml").write_text(text.replace("min = 112", "min = 400"), encoding="utf-8")
    assert run(["check", str(hopper_path), "--rules", str(tmp_path / "mine.toml")]) == 1


def test_the_commands_errors(tmp_path: Path, hopper_path: Path, capsys) -> None:
    (tmp_path / "x.jpg").write_bytes(b"no image")
    assert run(["check", str(tmp_path / "x.jpg"), str(hopper_path)]) == 4
    assert run(["check", str(tmp_path / "x.jpg"), "--out", str(tmp_path / "page")]) == 3
    assert not (tmp_path / "page").exists(), "an empty page says nothing"
    assert "is not a JPEG" in capsys.readouterr().err
    assert run(["check"]) == 2
    assert run(["check", str(hopper_path), "--language", "fr"]) == 2
    assert run(["check", str(hopper_path), "--rules", "nope"]) == 3
    assert "mien: nope is neither a file" in capsys.readouterr().err


RULE = """
name = "mine"
version = 1
[[rule]]
id = "bright"
measure = "brightest"
unit = "levels"
min = 300
severity = "error"
"""


def test_a_measure_is_one_entry_and_a_rule_file_may_name_it(
    hopper_path: Path, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_up = Measure(unit="levels", of_image=lambda p: float(p.image.max()), zone="", title="brightest pixel")
    monkeypatch.setitem(MEASURES, "brightest", made_up)
    (tmp_path / "mine.toml").write_text(RULE, encoding="utf-8")
    assert run(["check", str(hopper_path), "--rules", str(tmp_path / "mine.toml")]) == 1
    out = capsys.readouterr().out
    assert "brightest pixel: at least 300 levels" in out
    assert "- brightest pixel: too low" in out
    assert run(["check", str(hopper_path), "--rules", str(tmp_path / "mine.toml"), "--language", "vi"]) == 1
    assert "brightest pixel: ít nhất 300 mức" in capsys.readouterr().out


def test_a_further_language_is_one_file(
    hopper_path: Path, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "xx.toml").write_text(
        '[check]\nnot-judged = "Nejuĝebla!"\n[measure.glasses]\nabove = "Okulojn for"\n', encoding="utf-8"
    )
    monkeypatch.setenv("MIEN_MESSAGES", str(tmp_path))
    assert run(["check", str(hopper_path), "--language", "xx"]) == 5
    out = capsys.readouterr().out
    assert "Nejuĝebla!" in out and "- Okulojn for" in out
    assert "No glasses are worn" in out, "what the file lacks is in English"


def test_reasons_are_in_the_language_of_the_reader(hopper_path: Path, capsys) -> None:
    assert run(["check", str(hopper_path), "--json", "--language", "vi"]) == 5
    rules = {one["id"]: one for one in json.loads(capsys.readouterr().out)["rules"]}
    assert rules["no-covering"]["reason"].startswith("chưa đánh giá được khi thiếu mô hình parsing")
    assert rules["yaw"]["reason"] == ""


def test_the_engine_is_an_option(hopper_path: Path, capsys) -> None:
    assert run(["check", str(hopper_path), "--engine", "openvino", "--precision", "f32"]) == 5
    assert run(["check", str(hopper_path), "--engine", "steam"]) == 2
    assert "steam" in capsys.readouterr().err
