"""The files of a log: tables that no spreadsheet acts on, and JSON with everything that is known."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mien.models import store
from mien.scope import Scope
from mien.verify.decisions import DecisionRule, decide_pair
from mien.verify.files import COLUMNS, write_log
from mien.verify.log import DecisionLog

CARD = store.load("dlib-resnet").card


@pytest.fixture
def log(made_image: Callable, made_pair: Callable, tmp_path: Path) -> DecisionLog:
    threshold = CARD.threshold(1e-3)
    rule = DecisionRule(threshold=threshold, card=CARD, policy="warn", band=None)
    masked = Scope({"mask": 0.91, "size": 90.0}, ("mask",))
    images = {
        "a": made_image("a"),
        "b": made_image("b", scope=masked, others=1),
        "bad": made_image("bad", problem="x"),
    }
    formula = replace(made_pair(2, "a", "b"), id="=HYPERLINK(1)")
    rows = [(formula, 0.1), (made_pair(3, "a", "bad\udcff", True), None), (made_pair(4, "a", "b", False), 0.9)]
    images["bad\udcff"] = replace(images["bad"], path="bad\udcff")
    return DecisionLog(
        decisions=tuple(decide_pair(pair, images, score, rule) for pair, score in rows),
        columns=("card", "selfie"),
        threshold=threshold,
        group="everybody",
        notes=(),
        band=None,
        rates=None,
        out=tmp_path / "out",
        measured=3,
    )


def test_the_table_opens_in_a_spreadsheet_and_acts_on_nothing(log: DecisionLog) -> None:
    write_log(log, "en")
    data = (log.out / "decisions.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    with (log.out / "decisions.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == COLUMNS and rows[0]["id"] == "'=HYPERLINK(1)"
    assert (rows[0]["outcome"], rows[0]["score"], rows[0]["faces_b"], rows[0]["review"]) == (
        "uncertain", "0.1", "2", "yes",
    )  # fmt: skip
    assert (rows[1]["outcome"], rows[1]["score"], rows[1]["label"]) == ("failed", "", "same")
    assert float(rows[2]["fmr"]) == 0.001 and float(rows[2]["fmr_high"]) == 0.00109 and rows[2]["right"] == ""


def test_json_says_what_a_decision_rests_on(log: DecisionLog) -> None:
    write_log(log, "vi")
    first, failed, _ = map(json.loads, (log.out / "decisions.jsonl").read_text("utf-8").splitlines())
    assert first["decision"] == "uncertain" and first["accepted"] is True
    assert first["threshold"]["fmr_interval"] == [0.0005, 0.00109] and first["rate_for"] == "everybody"
    assert first["doubts"] == [{"code": "mask", "fmr": 0.00388, "fmr_interval": [0.00368, 0.00409], "holds": False}]
    assert first["images"][1]["scope"] == {"mask": 0.91, "size": 90.0} and first["images"][1]["faces"] == 2
    assert first["reasons"][0]["code"] == "mask" and "che" in first["reasons"][0]["text"]
    assert failed["score"] is None and failed["images"][1]["problem"] == "x" and failed["b"] == "bad\udcff"
