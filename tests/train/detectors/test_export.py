"""From a detector's weights to a model that finds faces."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import detector_recipe  # noqa: E402

from mien.cli import run  # noqa: E402
from mien.data.annotated import read_annotated  # noqa: E402
from mien.detect.families import open_detector  # noqa: E402
from mien.geometry import iou  # noqa: E402
from mien.image import read_image  # noqa: E402
from mien.library.import_model import ModelHints, import_model  # noqa: E402
from mien.models import store  # noqa: E402
from mien.train.detectors.weights import read_detector  # noqa: E402
from mien.train.loop import train  # noqa: E402


@pytest.mark.slow
def test_an_export_gives_what_the_network_gives_and_works_as_a_detector(scenes: Path, tmp_path: Path) -> None:
    train(detector_recipe(scenes), tmp_path / "run")
    assert run(["export", str(tmp_path / "run"), "--name", "tiny-detector", "--json"]) == 0
    detector = open_detector("tiny-detector", min_score=0.0001)
    image = read_image(read_annotated(scenes).images[3].path)
    faces = detector.detect([image])[0]
    assert faces and all(np.isfinite(face.landmarks).all() for face in faces)
    assert run(["export", str(tmp_path / "run"), "--name", "half-detector", "--half", "--json"]) == 0


@pytest.mark.slow
@pytest.mark.real
def test_retinaface_weights_go_in_and_out_and_find_the_faces_that_others_find(data: Path, tmp_path: Path) -> None:
    source = data / "models" / "retinaface_mobilenet0.25.pth"
    if not source.is_file():
        pytest.skip("the measuring data are absent")
    found = read_detector(source)
    assert found is not None and found.name == "retinaface-mnet025" and len(found.state) == 300
    assert sum(p.numel() for p in found.network().parameters()) == 426_608
    torch.save(found.network().state_dict(), tmp_path / "again.pth")
    again = read_detector(tmp_path / "again.pth")
    assert again is not None and all(torch.equal(again.state[key], found.state[key]) for key in found.state)
    assert run(["export", str(source), "--name", "retinaface-test", "--json"]) == 0
    store.save(*import_model((data / "models" / "scrfd_2.5g_bnkps.onnx").read_bytes(), "scrfd-test", ModelHints()))
    image = read_image(data / "dlib_faces" / "bald_guys.jpg")
    mine, *others = (
        np.array([[f.box.x1, f.box.y1, f.box.x2, f.box.y2] for f in one.detect([image])[0]], np.float32)
        for one in map(open_detector, ("retinaface-test", "mtcnn", "scrfd-test"))
    )
    for theirs in others:
        assert len(theirs) > 15
        assert (iou(theirs, mine).max(axis=1) > 0.5).mean() > 0.9
