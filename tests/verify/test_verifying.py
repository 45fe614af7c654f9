"""Lists of pairs from end to end: nothing is lost, each image is read once, and interrupted work goes on."""

import csv
import json
import os
import stat
from collections import Counter
from pathlib import Path

import pytest

from mien.data.work_folder import FOLDER
from mien.errors import ManifestError, ResumeError
from mien.gallery import compare
from mien.pipeline import Pipeline
from mien.progress import Progress
from mien.verify.log import DecisionLog
from mien.verify.verifying import verify_pairs


@pytest.fixture
def read_images(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts how often each file goes through the pipeline."""
    counts: Counter[str] = Counter()
    whole = Pipeline.analyse_chunk

    def counting(self: Pipeline, items, **options):
        counts.update("/".join(Path(item.name).parts[-2:]) for item in items)
        return whole(self, items, **options)

    monkeypatch.setattr(Pipeline, "analyse_chunk", counting)
    return counts


def outcomes(log: DecisionLog) -> dict[str, str]:
    return {one.pair.id: one.outcome for one in log.decisions}


EXPECTED = {
    "one": "match", "two": "match", "three": "no match", "masked": "uncertain", "wall": "failed", "broken": "failed",
    "missing": "failed", "unpaired": "failed",
}  # fmt: skip


def test_every_row_has_a_decision_and_each_image_is_read_once(
    listed: Path, tmp_path: Path, read_images: Counter[str]
) -> None:
    log = verify_pairs(listed, tmp_path / "out")
    assert outcomes(log) == EXPECTED and sum(log.counts.values()) == 8
    assert set(read_images.values()) == {1} and len(read_images) == log.measured == 8
    with (tmp_path / "out/decisions.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["outcome"] for row in rows] == list(EXPECTED.values())
    assert [row["row"] for row in rows] == [str(number) for number in range(2, 10)]
    reasons = {row["id"]: row["reasons"] for row in rows}
    assert "selfie: there is no face" in reasons["wall"] and "broken.jpg" in reasons["broken"]
    assert "does not exist" in reasons["missing"] and "no image in the column selfie" in reasons["unpaired"]
    assert reasons["masked"].startswith("selfie: the lower face is covered") and reasons["one"] == ""
    lines = (tmp_path / "out/decisions.jsonl").read_text().splitlines()
    assert [json.loads(line)["decision"] for line in lines] == list(EXPECTED.values())
    whole = json.loads((tmp_path / "out/report.json").read_text())
    assert whole["pairs"] == 8 and whole["counts"]["failed"] == 4 and list(whole["failed_rows"]) == ["9"]
    assert len(whole["failed_images"]) == 3 and whole["labelled"]["same"]["match"] == 2


def test_scores_are_those_of_compare(listed: Path, tmp_path: Path) -> None:
    log = verify_pairs(listed, tmp_path / "out")
    for one in log.decisions[:4]:
        alone = compare(Path(one.pair.first), Path(one.pair.second)).decision
        assert one.decision is not None and one.outcome == alone.outcome
        assert one.decision.score.value == pytest.approx(alone.score.value, abs=1e-3)
        assert one.decision.threshold == alone.threshold


def test_an_interrupted_run_goes_on_with_the_rest(
    listed: Path, tmp_path: Path, read_images: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien.verify.image_parts.PART", 2)
    monkeypatch.setattr("mien.pipeline.pipeline.CHUNK", 1)

    def stop(progress: Progress) -> None:
        if progress.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verify_pairs(listed, tmp_path / "out", on_progress=stop)
    assert not (tmp_path / "out/decisions.csv").exists()
    seen: list[Progress] = []
    log = verify_pairs(listed, tmp_path / "out", on_progress=seen.append)
    assert outcomes(log) == EXPECTED and log.measured == 5 and seen[0].done == 3 and seen[-1].done == 8
    whole = verify_pairs(listed, tmp_path / "whole")
    scores = [[one.decision.score.value for one in each.decisions[:4] if one.decision] for each in (log, whole)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-3)


def test_a_finished_log_is_written_again_without_comparing(
    listed: Path, tmp_path: Path, read_images: Counter[str]
) -> None:
    first = verify_pairs(listed, tmp_path / "out")
    before = (tmp_path / "out/decisions.csv").read_bytes()
    read_images.clear()
    again = verify_pairs(listed, tmp_path / "out", language="vi")
    assert not read_images and again.measured == 0 and outcomes(again) == outcomes(first)
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert "không khớp" in page and page.count("data:image/jpeg") >= 8
    verify_pairs(listed, tmp_path / "out")
    assert (tmp_path / "out/decisions.csv").read_bytes() == before


def test_no_embedding_is_left_when_the_log_is_written(listed: Path, tmp_path: Path) -> None:
    import pyarrow.parquet

    verify_pairs(listed, tmp_path / "out")
    (part,) = (tmp_path / "out" / FOLDER).glob("*.parquet")
    assert pyarrow.parquet.read_table(part).column("embedding").null_count == 8


def test_a_missing_image_that_came_is_compared_and_a_changed_one_is_refused(
    listed: Path, tmp_path: Path, read_images: Counter[str]
) -> None:
    verify_pairs(listed, tmp_path / "out")
    read_images.clear()
    selfies = listed.parent / "selfies"
    (selfies / "missing.jpg").write_bytes((selfies / "hopper.jpg").read_bytes())
    log = verify_pairs(listed, tmp_path / "out")
    assert outcomes(log) == EXPECTED | {"missing": "match"}
    assert dict(read_images) == {"cards/hopper.jpg": 1, "selfies/missing.jpg": 1}, "the pair's images, and no others"
    os.utime(selfies / "collins.jpg", ns=(1, 1))
    with pytest.raises(ResumeError, match=r"collins\.jpg changed or went away"):
        verify_pairs(listed, tmp_path / "out")
    assert outcomes(verify_pairs(listed, tmp_path / "out", overwrite=True)) == EXPECTED | {"missing": "match"}


def test_another_rate_or_list_is_refused_with_what_differs(listed: Path, tmp_path: Path) -> None:
    verify_pairs(listed, tmp_path / "out")
    before = (tmp_path / "out/decisions.csv").read_bytes()
    with pytest.raises(ResumeError, match=r"false match rate was 0\.001 and is now 0\.0001"):
        verify_pairs(listed, tmp_path / "out", fmr=1e-4)
    with listed.open("a") as stream:
        stream.write("more,cards/collins.png,cards/hopper.jpg,\n")
    with pytest.raises(ResumeError, match="the list's content"):
        verify_pairs(listed, tmp_path / "out")
    assert (tmp_path / "out/decisions.csv").read_bytes() == before
    log = verify_pairs(listed, tmp_path / "out", fmr=1e-4, overwrite=True)
    assert log.threshold.fmr == 1e-4 and len(log.decisions) == 9


def test_overwrite_keeps_away_from_other_folders(listed: Path, tmp_path: Path) -> None:
    with pytest.raises(ResumeError, match="nothing in it is from"):
        verify_pairs(listed, listed.parent, overwrite=True)
    assert listed.is_file() and (listed.parent / "cards/collins.png").is_file()


def test_all_files_are_private(listed: Path, tmp_path: Path) -> None:
    verify_pairs(listed, tmp_path / "out")
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").iterdir()}
    assert {path.name: mode for path, mode in modes.items()} == {
        "decisions.csv": 0o600, "decisions.jsonl": 0o600, "report.json": 0o600, "report.html": 0o600, "work": 0o700,
    }  # fmt: skip


def test_scope_can_be_demanded_or_ignored(listed: Path, tmp_path: Path) -> None:
    assert outcomes(verify_pairs(listed, tmp_path / "a", scope="ignore"))["masked"] == "match"
    demanded = verify_pairs(listed, tmp_path / "b", scope="demand")
    assert outcomes(demanded)["masked"] == "failed"
    assert [reason.code for reason in demanded.decisions[3].reasons] == ["refused"]


def test_a_list_that_is_none_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ManifestError):
        verify_pairs(tmp_path / "none.csv", tmp_path / "out")
    assert not (tmp_path / "out").exists()
