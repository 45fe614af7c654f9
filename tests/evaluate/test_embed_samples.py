"""Samples embedded in another process: the same file as here."""

from pathlib import Path

import pytest

from mien.evaluate.embed import embed_set


@pytest.mark.slow
@pytest.mark.fresh_process
def test_a_cluster_writes_the_same_embedding_file(
    people: Path, network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="the extra [ray] is not installed")
    for name, value in (("HOME", str(tmp_path)), ("RAY_USAGE_STATS_ENABLED", "0")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    here = embed_set(people, tmp_path / "here.parquet", recognizer=network)
    there = embed_set(people, tmp_path / "there.parquet", recognizer=network, ray_address="local")
    assert len(here) == len(there) == 3
    assert (tmp_path / "here.parquet").read_bytes() == (tmp_path / "there.parquet").read_bytes()
