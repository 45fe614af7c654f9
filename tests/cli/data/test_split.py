"""mien data split, as a user calls it."""

import json
from pathlib import Path

import pytest

from mien.cli import run
from mien.data.manifest import tabulate
from mien.data.manifest_io import read_manifest, write_manifest
from mien.data.sample import Sample


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_split_deals_subjects_by_its_seed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples = [Sample(tmp_path / f"{n}.jpg", f"s{n // 4}") for n in range(400)]
    write_manifest(tabulate(samples, tmp_path, "m"), tmp_path / "m.csv")
    argv = ["data", "split", str(tmp_path / "m.csv"), "--part", "a=0.5", "--part", "b=0.5", "--json"]
    found = {}
    for seed, out in ((3, "three"), (3, "again"), (4, "four")):
        assert run([*argv, "--out", str(tmp_path / out), "--seed", str(seed)]) == 0
        printed = {line["part"]: line for line in lines(capsys)}
        parts = {name: read_manifest(tmp_path / out / f"{name}.parquet") for name in ("a", "b")}
        assert printed == {n: {"part": n, "rows": len(m), "subjects": len(m) // 4} for n, m in parts.items()}
        assert not set(parts["a"].subjects) & set(parts["b"].subjects) and sum(map(len, parts.values())) == 400
        found[out] = set(parts["a"].subjects)
        assert 30 <= len(found[out]) <= 70
    assert found["three"] == found["again"] != found["four"]


def test_split_and_its_refusals(people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["data", "split", str(people / "train"), "--out", str(tmp_path / "s")]
    assert run([*argv, "--part", "a=0.5", "--part", "b=0.5", "--seed", "3"]) == 3
    assert "the part a would be empty: 3 subjects are too few" in capsys.readouterr().err
    assert run([*argv, "--part", "a=half"]) == 2
    assert "--part takes NAME=SHARE, such as train=0.8, not a=half" in capsys.readouterr().err
    assert run([*argv, "--part", "a"]) == 2
    assert "--part takes NAME=SHARE, not a" in capsys.readouterr().err
    assert run([*argv, "--part", "a=0.5"]) == 3
    assert "do not add up to 1" in capsys.readouterr().err
