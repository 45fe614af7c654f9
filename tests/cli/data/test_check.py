"""mien data check, as a user calls it."""

import json
import shutil
from pathlib import Path

import pytest

from mien.cli import run


def test_a_sound_pack_has_no_problems(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "check", str(pack)]) == 0
    assert capsys.readouterr().out == f"{pack}: 3 crops of 2 subjects, 0 problems\n"


def test_a_damaged_shard_is_named(pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(pack, damaged)
    (shard,) = damaged.glob("*.bin")
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 0xFF
    shard.write_bytes(content)
    assert run(["data", "check", str(damaged), "--json"]) == 3
    *problems, counts = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert counts["problems"] == len(problems) >= 1
    assert shard.name in problems[0]["where"] and "sha256" in problems[0]["reason"]
    assert run(["data", "check", str(damaged)]) == 3
    captured = capsys.readouterr()
    assert f"mien: {problems[0]['where']}: {problems[0]['reason']}" in captured.err
    assert f"{len(problems)} problem" in captured.out
