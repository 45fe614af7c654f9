"""A made-up set in exactly the layout in which InsightFace publishes IJB-B and IJB-C."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.types import Floats


@dataclass(frozen=True)
class MadeIjb:
    """What was written.

    Attributes:
        folder: with meta/ and loose_crop/.
        faces: name, template, media, subject and detector's score of each face.
        pairs: template, template, whether they are mated.
        galleries: template to subject, by name.
        probes: template to subject.
    """

    folder: Path
    faces: list[tuple[str, int, int, int, float]]
    pairs: list[tuple[int, int, bool]]
    galleries: dict[str, dict[int, int]]
    probes: dict[int, int]


def write_ijb(folder: Path, points: Floats, people: int = 40, seed: int = 0, prefix: str = "ijbc") -> MadeIjb:
    """Write the lists: half of the people in either gallery, two probes of each; the images are the caller's.

    Args:
        folder: where.
        points: (5, 2) landmarks of every face.
        people: an even number.
        seed: of media and scores.
        prefix: ijbb or ijbc.
    """
    generator = np.random.default_rng(seed)
    meta = folder / "meta"
    meta.mkdir(parents=True)
    (folder / "loose_crop").mkdir()
    faces: list[tuple[str, int, int, int, float]] = []
    codes = ("S1", "S2") if prefix == "ijbb" else ("G1", "G2")
    galleries: dict[str, dict[int, int]] = {code: {} for code in codes}
    probes: dict[int, int] = {}
    template = 0
    for person in range(people):
        for role in ("gallery", "probe", "probe"):
            template += 1
            (galleries[codes[person % 2]] if role == "gallery" else probes)[template] = 1000 + person
            for media in range(int(generator.integers(1, 4))):
                for _ in range(int(generator.integers(1, 4))):
                    score = round(float(generator.uniform(0.3, 1)), 3)
                    faces.append((f"{len(faces) + 1}.jpg", template, 10 * template + media, 1000 + person, score))
    enrolled = [(t, s) for code in codes for t, s in galleries[code].items()]
    pairs = [(a, b, s == other) for a, s in enrolled for b, other in probes.items()]
    coordinates = " ".join(f"{value:.3f}" for value in points.reshape(-1))
    (meta / f"{prefix}_face_tid_mid.txt").write_text("".join(f"{n} {t} {m}\n" for n, t, m, _, _ in faces))
    (meta / f"{prefix}_name_5pts_score.txt").write_text("".join(f"{n} {coordinates} {v}\n" for n, *_, v in faces))
    (meta / f"{prefix}_template_pair_label.txt").write_text("".join(f"{a} {b} {int(m)}\n" for a, b, m in pairs))
    files = [(f"1N_gallery_{code}", galleries[code]) for code in codes] + [("1N_probe_mixed", probes)]
    for name, roles in files:
        rows = [f"{t},{roles[t]},img/{n},{n},1,2,3,4\n" for n, t, *_ in faces if t in roles]
        header = "TEMPLATE_ID,SUBJECT_ID,FILENAME,SIGHTING_ID,FACE_X,FACE_Y,FACE_WIDTH,FACE_HEIGHT\n"
        (meta / f"{prefix}_{name}.csv").write_text(header + "".join(rows))
    return MadeIjb(folder, faces, pairs, galleries, probes)
