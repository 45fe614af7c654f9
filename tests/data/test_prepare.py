"""Packs: what becomes of every row, the same bytes whatever the workers, and going on after a kill."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from mien.align import magnification
from mien.data.manifest import Manifest, tabulate
from mien.data.manifest_io import read_manifest
from mien.data.pack import Pack, is_pack
from mien.data.pack_check import check_pack
from mien.data.prepare import DEFAULT_SETTINGS, PackSettings, prepare
from mien.data.recordio import Record, format_record, frame
from mien.data.sample import Sample
from mien.data.shards import encode_crop
from mien.detect.families import open_detector
from mien.errors import ManifestError, ResumeError, WorkerError
from mien.image import read_image
from mien.progress import Progress
from mien.templates import TEMPLATES
from mien.types import Box, Floats, Image, floats


def save(path: Path, image: Image) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image[:, :, ::-1])
    return path


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory, collins: Image, hopper: Image) -> Path:
    """Two people, a picture of both, one of nobody, a tiny face and a broken file."""
    root = tmp_path_factory.mktemp("people")
    save(root / "Collins" / "1.png", collins)
    save(root / "Collins" / "2.jpg", collins[:400, 60:460])
    save(root / "Hopper" / "1.jpg", hopper)
    side = np.hstack([hopper[:500], hopper[:500, ::-1]])
    save(root / "Hopper" / "two.jpg", side)
    save(root / "Nobody" / "grey.png", np.full((200, 160, 3), 128, np.uint8))
    (root / "Nobody" / "broken.jpg").write_bytes((root / "Hopper" / "1.jpg").read_bytes()[:2000])
    return root


def run(manifest: Manifest, out: Path, settings: PackSettings = DEFAULT_SETTINGS, workers: int = 1) -> dict[str, int]:
    points: list[Progress] = []
    done = prepare(manifest, out, settings, workers=workers, on_progress=points.append)
    assert points[-1] == Progress(stage="preparing", done=len(manifest), total=len(manifest))
    assert done.rows == sum(done.counts.values()) == len(manifest) and done.pack == out
    assert done.rejected == len(manifest) - done.counts.get("written", 0)
    return done.counts


def contents(pack: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(pack.iterdir())}


def test_every_row_is_accounted_for(people: Path, tmp_path: Path) -> None:
    counts = run(read_manifest(people), tmp_path / "pack")
    assert counts == {"written": 3, "several faces": 1, "no face": 1, "broken": 1}
    pack = Pack(tmp_path / "pack")
    assert len(pack) == 3 and pack.subjects == ["Collins", "Hopper"]
    assert {(row["subject"], Path(row["path"]).name) for row in pack.rows()} == {
        ("Collins", "1.png"),
        ("Collins", "2.jpg"),
        ("Hopper", "1.jpg"),
    }
    with (tmp_path / "pack" / "rejected.csv").open(newline="") as stream:
        rejected = {row["path"]: (row["status"], row["detail"]) for row in csv.DictReader(stream)}
    assert rejected["Hopper/two.jpg"][0] == "several faces" and "2 faces" in rejected["Hopper/two.jpg"][1]
    assert rejected["Nobody/broken.jpg"][0] == "broken" and "broken.jpg" in rejected["Nobody/broken.jpg"][1]
    assert len(rejected) == 3
    assert not check_pack(pack)
    assert json.loads((tmp_path / "pack" / "pack.json").read_text())["counts"]["written"] == 3


def test_the_two_crops_of_one_person_are_alike(people: Path, tmp_path: Path) -> None:
    run(read_manifest(people), tmp_path / "pack")
    pack = Pack(tmp_path / "pack")
    mine = [pack.read(i).astype(float) for i in range(3) if pack.subjects[pack.labels[i]] == "Collins"]
    other = next(pack.read(i).astype(float) for i in range(3) if pack.subjects[pack.labels[i]] == "Hopper")
    assert np.abs(mine[0] - mine[1]).mean() < 12 < np.abs(mine[0] - other).mean()


def test_several_faces_are_taken_on_request(people: Path, tmp_path: Path) -> None:
    assert run(read_manifest(people), tmp_path / "pack", PackSettings(multiple_faces="largest"))["written"] == 4


def test_the_same_bytes_whatever_the_workers_and_the_shards_add_up(people: Path, tmp_path: Path) -> None:
    manifest = read_manifest(people)
    many = Manifest(manifest.table.take([i % len(manifest) for i in range(96)]), manifest.folder, manifest.name)
    settings = PackSettings(rows_per_shard=64)
    run(many, tmp_path / "one", settings, workers=1)
    run(many, tmp_path / "two", settings, workers=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert sorted(path.name for path in (tmp_path / "one").glob("*.bin")) == ["shard-00000.bin", "shard-00001.bin"]
    assert len(Pack(tmp_path / "one")) == 48


def test_a_killed_preparation_goes_on_without_redoing_or_doubling(people: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from mien.data.manifest_io import *\n"
        "from mien.data.prepare import *\n"
        "if __name__ == '__main__':\n"
        "    m = read_manifest(Path(sys.argv[1]))\n"
        "    m = Manifest(m.table.take([i % len(m) for i in range(192)]), m.folder, m.name)\n"
        "    prepare(m, Path(sys.argv[2]), PackSettings(rows_per_shard=128), workers=2,\n"
        "        on_progress=lambda p: print(p.done, flush=True))\n"
    )
    script = tmp_path / "work.py"
    script.write_text(code)
    command = [sys.executable, str(script), str(people), str(tmp_path / "pack")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == ["0\n", "32\n"]
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with pytest.raises(ManifestError, match="unfinished pack: run the same"):
        Pack(tmp_path / "pack")
    # What a kill in the middle of a write leaves: half a line and bytes that no line speaks of.
    part = next((tmp_path / "pack").glob("*.rows.part"))
    kept = 32 * part.read_bytes().count(b"\n")
    with part.open("ab") as stream:
        stream.write(b'{"end": 99')
    with next((tmp_path / "pack").glob("*.bin.part")).open("ab") as stream:
        stream.write(b"stray bytes")
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(again.stdout.split()[0]) == kept >= 32, "no chunk was done again"
    manifest = read_manifest(people)
    repeated = Manifest(manifest.table.take([i % len(manifest) for i in range(192)]), manifest.folder, manifest.name)
    prepare(repeated, tmp_path / "fresh", PackSettings(rows_per_shard=128))
    assert contents(tmp_path / "pack") == contents(tmp_path / "fresh")


def test_given_landmarks_and_boxes_decide(people: Path, hopper: Image, tmp_path: Path) -> None:
    """Landmarks are used as they are, a box chooses among faces, and a box without a face gives no face."""
    face = open_detector().detect([hopper])[0][0]
    two = people / "Hopper" / "two.jpg"
    width = hopper.shape[1]
    samples = [
        Sample(people / "Hopper" / "1.jpg", "landmarks", landmarks=face.landmarks),
        Sample(two, "left", box=face.box),
        Sample(two, "right", box=Box(2 * width - face.box.x2, face.box.y1, 2 * width - face.box.x1, face.box.y2)),
        Sample(two, "nowhere", box=Box(0, 0, 30, 30)),
    ]
    counts = run(tabulate(samples, tmp_path, "x"), tmp_path / "pack")
    assert counts == {"written": 3, "no face": 1}
    pack = Pack(tmp_path / "pack")
    crops = {pack.subjects[pack.labels[i]]: pack.read(i).astype(float) for i in range(3)}
    assert np.abs(crops["left"] - crops["landmarks"]).mean() < 15
    apart = {way: np.abs(crops["left"] - crops["right"][:, ::way]).mean() for way in (1, -1)}
    assert apart[-1] < 20 and apart[-1] < apart[1] / 1.5, "the right face is the mirror image"


def test_tiny_faces_and_swapped_landmarks_are_not_written(people: Path, hopper: Image, tmp_path: Path) -> None:
    face = open_detector().detect([hopper])[0][0]
    middle = face.landmarks.mean(axis=0)
    samples = [
        Sample(people / "Hopper" / "1.jpg", "tiny", landmarks=middle + (face.landmarks - middle) / 12),
        Sample(people / "Hopper" / "1.jpg", "a point", landmarks=face.landmarks * 0 + 50),
    ]
    assert run(tabulate(samples, tmp_path, "x"), tmp_path / "pack") == {"too small": 1, "wrong landmarks": 1}


def test_aligned_crops_keep_their_own_bytes(tmp_path: Path, collins: Image) -> None:
    crop = np.ascontiguousarray(collins[60:172, 170:282])
    jpeg = encode_crop(crop, 80)
    rec = tmp_path / "train.rec"
    rec.write_bytes(frame(format_record(Record(0, (0.0,), 0, jpeg))))
    large = save(tmp_path / "large.png", collins[60:284, 170:394])
    oblong = save(tmp_path / "oblong.png", collins[60:172, 170:250])
    samples = [
        Sample(rec, "a", record=0, aligned=True),
        Sample(large, "b", aligned=True),
        Sample(oblong, "c", aligned=True),
        Sample(rec, "d", record=4, aligned=True),
    ]
    assert run(tabulate(samples, tmp_path, "x"), tmp_path / "pack") == {"written": 2, "broken": 2}
    pack = Pack(tmp_path / "pack")
    own = next(i for i in range(2) if pack.subjects[pack.labels[i]] == "a")
    assert pack.encoded(own) == jpeg
    assert pack.read(1 - own).shape == (112, 112, 3)


def test_another_manifest_or_other_settings_are_not_mixed_in(people: Path, tmp_path: Path) -> None:
    manifest = read_manifest(people)
    run(manifest, tmp_path / "pack")
    with pytest.raises(ResumeError, match="was begun with a different size; choose"):
        run(manifest, tmp_path / "pack", PackSettings(size=224))
    with pytest.raises(ResumeError, match="begun with a different manifest and rows"):
        run(manifest.take([0, 1]), tmp_path / "pack")
    boxed = tabulate([Sample(s.path, s.subject, box=Box(0, 0, 9, 9)) for s in manifest.samples()], people, "x")
    with pytest.raises(ResumeError, match="begun with a different manifest;"):
        run(boxed, tmp_path / "pack")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.doc").write_text("x")
    with pytest.raises(ResumeError, match="is not empty"):
        run(manifest, tmp_path / "full")
    with pytest.raises(ManifestError, match="has no rows"):
        run(manifest.take([]), tmp_path / "none")
    assert not (tmp_path / "none").exists() and not is_pack(tmp_path / "full")


def test_a_finished_preparation_run_again_does_nothing(people: Path, tmp_path: Path) -> None:
    manifest = read_manifest(people)
    first = run(manifest, tmp_path / "pack")
    before = contents(tmp_path / "pack")
    assert run(manifest, tmp_path / "pack") == first
    assert contents(tmp_path / "pack") == before


def test_damage_in_a_pack_is_found(people: Path, tmp_path: Path) -> None:
    run(read_manifest(people), tmp_path / "pack")
    shard = tmp_path / "pack" / "shard-00000.bin"
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 0xFF
    shard.write_bytes(bytes(data))
    reasons = [problem.reason for problem in check_pack(Pack(tmp_path / "pack"))]
    assert "its sha256 is not the one in pack.json" in reasons[0]
    assert reasons[1:] == ["the crop does not match its checksum"]
    shard.unlink()
    with pytest.raises(ManifestError, match=r"shard-00000\.bin is missing"):
        Pack(tmp_path / "pack")
    (tmp_path / "pack" / "pack.json").write_text('{"format": "mien pack", "version": 99}')
    with pytest.raises(ManifestError, match="not a pack of version 1"):
        Pack(tmp_path / "pack")
    with pytest.raises(ManifestError, match="is not a pack; make one"):
        Pack(tmp_path)


@pytest.mark.fresh_process
def test_a_cluster_gives_the_same_pack(people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="the extra [ray] is not installed")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    manifest = read_manifest(people)
    run(manifest, tmp_path / "here")
    prepare(manifest, tmp_path / "there", ray_address="local")
    assert contents(tmp_path / "here") == contents(tmp_path / "there")


def test_a_cluster_that_is_not_there_is_named(people: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="the extra [ray] is not installed")
    with pytest.raises(WorkerError, match=r"the Ray cluster 10\.0\.0 cannot be reached .*; name auto, local or"):
        prepare(read_manifest(people), tmp_path / "pack", ray_address="10.0.0")


def test_settings_name_a_template_that_is_known(people: Path, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"a template is arcface.*not 'arc'"):
        run(read_manifest(people), tmp_path / "pack", replace(PackSettings(), template="arc"))


def test_the_order_the_quality_and_the_limits_are_those_that_are_promised(
    people: Path, hopper: Image, tmp_path: Path
) -> None:
    """Rows in the order of seed 0, JPEG of quality 95, and faces too small beyond four times."""
    face = open_detector().detect([hopper])[0][0]
    middle, own = face.landmarks.mean(axis=0), magnification(face, TEMPLATES["arcface"](112))
    scales = (3.8, 4.2, 1.0, 2.0, 3.0, 3.5, 1.5, 2.5)
    samples = [
        Sample(people / "Hopper" / "1.jpg", f"{scale}", landmarks=middle + (face.landmarks - middle) * (own / scale))
        for scale in scales
    ]
    assert run(tabulate(samples, tmp_path, "x"), tmp_path / "pack") == {"written": 7, "too small": 1}
    pack = Pack(tmp_path / "pack")
    order = [int(row) for row in np.random.default_rng(0).permutation(len(scales))]
    assert [row["row"] for row in pack.rows()] == [row for row in order if scales[row] < 4]
    tables = [Pillow.open(io.BytesIO(data)).quantization for data in (pack.encoded(0), encode_crop(pack.read(0), 95))]
    assert tables[0] == tables[1]
    assert PackSettings() == PackSettings(
        size=112, template="arcface", quality=95, multiple_faces="reject", magnified=4.0, rows_per_shard=65536
    )


def test_other_settings_change_the_crops(people: Path, tmp_path: Path) -> None:
    manifest = read_manifest(people).take([0])
    for name, settings in (("worse", PackSettings(quality=30)), ("large", PackSettings(size=224))):
        run(manifest, tmp_path / name, settings)
    worse, large = Pack(tmp_path / "worse"), Pack(tmp_path / "large")
    tables = [Pillow.open(io.BytesIO(d)).quantization for d in (worse.encoded(0), encode_crop(worse.read(0), 30))]
    assert tables[0] == tables[1] and large.read(0).shape == (224, 224, 3) and large.size == 224


@pytest.fixture(scope="module")
def celebrities(data: Path) -> list[tuple[Path, Floats]]:
    """Photographs with one face each, and its landmarks."""
    detector = open_detector("mtcnn")
    files = sorted((data / "celeba" / "img_celeba").glob("*.jpg"))[:24]
    found = zip(files, detector.detect([read_image(file) for file in files]), strict=True)
    return [(file, faces[0].landmarks) for file, faces in found if len(faces) == 1]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            lambda points: points[[1, 0, 2, 4, 3]],
            "have wrong landmarks, so none are used; the first: .* left and right",
        ),
        (lambda points: points[:, ::-1], "x and y are exchanged"),
        (lambda points: points / 400, "shares of the image's size"),
        (lambda points: points * 0, "all at 0, 0"),
        (lambda points: points * 3, "as if of another size"),
        (
            lambda points: points / 3 + 1,
            "landmarks of [0-4] of [0-9]+ compared rows are where the detector finds a face",
        ),
    ],
)
def test_landmarks_of_other_pictures_do_not_become_crops(
    celebrities: list[tuple[Path, Floats]], tmp_path: Path, change: Callable[[Floats], Floats], why: str
) -> None:
    samples = [Sample(path, path.stem, landmarks=floats(change(points))) for path, points in celebrities]
    with pytest.raises(ManifestError, match=why):
        prepare(tabulate(samples, tmp_path, "m.csv"), tmp_path / "pack")
    assert not (tmp_path / "pack").exists()


def test_right_landmarks_are_used_and_a_wrong_one_among_them_loses_its_own_row(
    celebrities: list[tuple[Path, Floats]], tmp_path: Path
) -> None:
    samples = [Sample(path, path.stem, landmarks=points) for path, points in celebrities]
    samples[3] = replace(samples[3], landmarks=floats(celebrities[3][1] * 0))
    done = prepare(tabulate(samples, tmp_path, "m.csv"), tmp_path / "pack")
    assert done.counts == {"written": len(samples) - 1, "wrong landmarks": 1}
    assert done.examples == {"wrong landmarks": "its landmarks are all at 0, 0"} and done.agreement.share > 0.9
    again = prepare(tabulate(samples, tmp_path, "m.csv"), tmp_path / "pack")
    assert (again.counts, again.examples) == (done.counts, done.examples)
