"""mien-face against MTCNN, as docs/decisions/0017 compares them: landmarks, turned images, and LFW with its crops.

Landmarks: the distance to the annotated ones as a share of the inter-eye distance, on 250 scenes that
benchmarks/scenes.py makes of 509 photographs of LFW, which SCRFD and MTCNN annotate. Turned images: photographs of
CelebA in four turns; a photograph is right where a face is found and its turn is the true one. LFW: View 2 and FNMR
over all pairs, with full detection. All with the settings that users have.

    python benchmarks/mien_face.py [--photographs 310]
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import command
import inputs
import lfw
import machine
from mien.data.pairs import read_pairs
from mien.detect.families import open_detector
from mien.evaluate.detectors.detection import detection
from mien.image import read_image
from mien.pipeline import Pipeline, ReadOptions, array_item

DETECTORS = ("mien-face", "mtcnn")
TURNS = (0, 90, 180, 270)
PHOTOGRAPHS, SCENES, SEED = 509, 250, 2


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--photographs", type=int, default=310, help="of CelebA, to be turned")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        files = inputs.lfw(folder, smoke=given.smoke, people=48, images=2)
        set_ = inputs.annotated(folder, 2) if given.smoke else scenes(folder, inputs.some(files, PHOTOGRAPHS))
        source = folder / "manifest.parquet" if given.smoke else set_
        photographs = files[:2] if given.smoke else celeba(given.photographs)
        listed = read_pairs(inputs.pairs_file(folder / "pairs.txt", smoke=given.smoke))
        recognizers = ["dlib-resnet"] if given.smoke else ["dlib-resnet", inputs.add_model("face-reid-0095")]
        result = {
            name: {
                "landmarks": landmarks(source, name),
                "turned": turned(photographs, name),
                "LFW": {one: on_lfw(files, listed, name, one, smoke=given.smoke) for one in recognizers},
            }
            for name in DETECTORS
        }
    command.finish("mien_face", {"detectors": result}, smoke=given.smoke)


def scenes(folder: Path, photographs: list[Path]) -> Path:
    """Annotated scenes of some photographs; the manifest."""
    listed = folder / "photographs.txt"
    listed.write_text("".join(f"{path}\n" for path in photographs))
    options = ["--out", folder / "scenes", "--count", SCENES, "--seed", SEED, "--backgrounds", "test"]
    words = [sys.executable, machine.ROOT / "benchmarks" / "scenes.py", listed, *options]
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL)
    return folder / "scenes" / "manifest.parquet"


def celeba(count: int) -> list[Path]:
    """Photographs of CelebA, the same ones in every run."""
    return inputs.some(sorted(inputs.need(inputs.DATA / "celeba" / "img_celeba").glob("*.jpg")), count)


def landmarks(source: Path, detector: str) -> dict:
    """Errors of landmarks in percent of the inter-eye distance, all and by the height of the face, with intervals."""
    numbers = detection(source, detector=detector).report.numbers
    found = {key: one for key, one in numbers.items() if key.startswith("landmark error") and one.value is not None}
    return {key: [percent(one.value), percent(one.low), percent(one.high)] for key, one in found.items()}


def percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 2)


def turned(photographs: list[Path], detector: str) -> dict:
    """How many photographs have a face, and one whose turn is the true one, in each turn."""
    pipeline = Pipeline(open_detector(detector), None, reading=ReadOptions(second_look=True))
    counts = {}
    for turn in TURNS:
        # The image is turned counterclockwise, so that it has to be turned clockwise to be upright.
        items = [
            array_item(path.name, np.ascontiguousarray(np.rot90(read_image(path), turn // 90)))
            for path in photographs
        ]
        found = list(pipeline.analyse(items))
        right = sum(bool(one.faces) and one.turn == turn for one in found)
        counts[f"{turn} degrees"] = {"found": sum(bool(one.faces) for one in found), "right": right}
    return {"photographs": len(photographs), **counts}


def on_lfw(files: list[Path], listed: list, detector: str, recognizer: str, *, smoke: bool) -> dict:
    """View 2 and all pairs, as benchmarks/lfw.py measures them."""
    value = lfw.evaluate(files, listed, detector, recognizer, lfw.RATES[:1] if smoke else lfw.RATES)
    del value["embedded"]
    return value


if __name__ == "__main__":
    main()
