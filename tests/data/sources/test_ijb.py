"""IJB as published: every face with its points, template, media and score."""

from pathlib import Path

import numpy as np

from made_ijb import write_ijb
from mien.data.importing import read_set
from mien.data.sample import Problem, Sample
from mien.data.sources.ijb import SOURCE
from mien.data.sources.registry import find_source
from mien.templates import ARCFACE_112


def test_faces_come_with_points_template_media_and_score(tmp_path: Path) -> None:
    made = write_ijb(tmp_path, ARCFACE_112)
    for name, *_ in made.faces[1:]:
        (tmp_path / "loose_crop" / name).write_bytes(b"")
    rows = list(SOURCE.read(tmp_path))
    missing, *samples = rows
    assert isinstance(missing, Problem) and "1.jpg is missing" in missing.reason
    for sample, (name, template, media, subject, score) in zip(samples, made.faces[1:], strict=True):
        assert isinstance(sample, Sample) and sample.path.name == name and sample.subject == str(subject)
        assert sample.known == {"template": str(template), "media": str(media), "detector_score": score}
        np.testing.assert_allclose(sample.landmarks, ARCFACE_112, atol=1e-3)


def test_the_folder_is_recognized_and_read_without_an_import(tmp_path: Path) -> None:
    made = write_ijb(tmp_path / "IJBC", ARCFACE_112)
    for name, *_ in made.faces[1:]:
        (made.folder / "loose_crop" / name).write_bytes(b"")
    assert find_source(made.folder) is SOURCE
    problems: list[Problem] = []
    manifest = read_set(made.folder, tmp_path / "x.parquet", problems.append)
    assert len(manifest) == len(made.faces) - 1 and len(problems) == 1
    assert {"template", "media", "detector_score"} <= set(manifest.columns)
    sample = next(manifest.samples([3]))
    assert sample.path.is_file() and sample.path.name == made.faces[4][0]
