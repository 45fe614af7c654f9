"""mien convert-threshold, as a user calls it."""

import json

import pytest

from mien.cli import run


def test_units_are_converted_not_mixed(capsys: pytest.CaptureFixture[str]) -> None:
    """The predecessor's 1.22 is an L2; as a squared L2 it is among the published thresholds."""
    assert run(["convert-threshold", "1.22", "--from", "l2", "--to", "cosine"]) == 0
    assert capsys.readouterr().out == "0.2558\n"
    assert run(["convert-threshold", "1.22", "--from", "l2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == pytest.approx({"cosine": 0.2558, "l2": 1.22, "squared-l2": 1.4884})
    assert run(["convert-threshold", "1.4884", "--from", "squared-l2", "--to", "l2"]) == 0
    assert capsys.readouterr().out == "1.2200\n"
