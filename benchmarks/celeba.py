"""People of CelebA that nothing shipped was trained on, by mien's own commands: import, split, evaluate.

FNMR of each recognizer at false match rates whose thresholds the set itself gives; once with CelebA's labels as they
are, and once without those that are seen to be wrong (benchmarks/errata/celeba.txt), since a wrong label counts as
misses with all other photographs of its person.

    python benchmarks/celeba.py
"""

import json
import tempfile
from pathlib import Path

import numpy as np

import command
import inputs
import machine
from mien.data.manifest_io import read_manifest, write_manifest

PARTS = ("--part", "train=0.75", "--part", "held=0.25", "--seed", 1)
"""The split of recipes/finetune-dlib-celeba.toml; it depends on the names alone."""


def main() -> None:
    given = command.parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        sets = find_sets(Path(scratch), smoke=given.smoke)
        names = ["dlib-resnet"] if given.smoke else ["dlib-resnet", "mien-r29", *others()]
        result = {
            name: {
                label: misses(path, name, Path(scratch) / f"{name}-{place}") for place, (label, path) in pairs(sets)
            }
            for name in names
        }
    command.finish("celeba", {"FNMR %": result}, smoke=given.smoke)


def others() -> list[str]:
    return [inputs.add_model(name) for name in ("face-reid-0095", "mobilefacenet")]


def pairs(sets: dict[str, Path]) -> list[tuple[int, tuple[str, Path]]]:
    return list(enumerate(sets.items()))


def find_sets(folder: Path, *, smoke: bool) -> dict[str, Path]:
    if smoke:
        inputs.made_people(folder / "people", 24, 2)
        return {"made people": folder / "people"}
    command.mien("data", "import", inputs.need(inputs.DATA / "celeba"), "--out", folder / "celeba.parquet")
    command.mien("data", "split", folder / "celeba.parquet", "--out", folder / "parts", *PARTS)
    held = folder / "parts" / "held.parquet"
    return {"labels as they are": held, "without labels seen to be wrong": without_errata(held, folder)}


def without_errata(held: Path, folder: Path) -> Path:
    lines = (machine.ROOT / "benchmarks" / "errata" / "celeba.txt").read_text(encoding="utf-8").splitlines()
    wrong = {line for line in lines if line and not line.startswith("#")}
    manifest = read_manifest(held)
    kept = [row for row, one in enumerate(manifest.samples()) if not {one.subject, one.path.name} & wrong]
    path = folder / "corrected.parquet"
    write_manifest(manifest.take(np.array(kept)), path)
    return path


def misses(source: Path, recognizer: str, out: Path) -> dict:
    """What `mien evaluate mated` reports, in percent."""
    command.mien("evaluate", "mated", source, "--recognizer", recognizer, "--out", out)
    numbers = json.loads((out / "report.json").read_text(encoding="utf-8"))["numbers"]
    return {
        key: [round(100 * value[end], 2) for end in ("value", "low", "high")]
        for key, value in numbers.items()
        if key.startswith("fnmr@")
    }


if __name__ == "__main__":
    main()
