"""What a gallery's own people say of thresholds: LFW's people with East and South-East Asian names, one image each.

The card's thresholds among them, their own, and how the threshold that half of them choose does on the other half,
dealt by person again and again. Then how long a gallery of random people takes to measure itself.

    python benchmarks/galleries.py [--halves 40] [--people 10000]
"""

import sys
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np

import command
import inputs
from mien.gallery.calibration import own_rates
from mien.gallery.gallery import identity_of
from mien.gallery.population import Population, measure_population
from mien.gallery.records import NewTemplate, Portrait
from mien.gallery.stores import create_store
from mien.gallery.stores.base import Store
from mien.models import store
from mien.pipeline import Policy, Refused, bytes_item, open_pipeline
from mien.rates import Estimate
from mien.types import Floats

CARD = store.load("dlib-resnet").card
PORTRAIT = Portrait(b"made", np.zeros((5, 2), np.float32))


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--halves", type=int, default=40, help="how often the people are dealt into halves")
    parser.add_argument("--people", type=int, default=10_000, help="people of the gallery that is timed")
    given = parser.parse_args()
    generator = np.random.default_rng(0)
    vectors = generator.normal(0, 0.05, (80, 128)).astype(np.float32) if given.smoke else asian_people()
    with tempfile.TemporaryDirectory() as folder:
        whole = measure(Path(folder), vectors)
        result = {
            "people": whole.people,
            "card": {f"{row.fmr:g}": triple(whole.fmr(row.value)) for row in CARD.thresholds},
            "own": {f"{rate:g}": own(whole, rate) for rate in (1e-2, 1e-3) if whole.can_show(rate)},
            "halves": halves(Path(folder), vectors, 3 if given.smoke else given.halves, generator),
            "seconds": seconds(Path(folder), 300 if given.smoke else given.people, generator),
        }
    command.finish("galleries", result, smoke=given.smoke)


def asian_people() -> Floats:
    """The embedding of the first image of each of them."""
    names = inputs.need(inputs.DATA / "lfw" / "names-asian.txt").read_text().split()
    wanted = {f"{name}_0001.jpg" for name in names}
    with tarfile.open(inputs.need(inputs.DATA / "lfw" / "lfw-deepfunneled.tar")) as archive:
        items = [
            bytes_item(member.name, file.read())
            for member in archive
            if Path(member.name).name in wanted and (file := archive.extractfile(member)) is not None
        ]
    found = []
    for one in open_pipeline(many=True).analyse(items, only=Policy()):
        chosen = one.choose(Policy())
        if isinstance(chosen, Refused):
            print(chosen.sentence(one.name), file=sys.stderr)
        else:
            found.append(one.embeddings[chosen])
    return np.array(found, np.float32)


def gallery(folder: Path, vectors: Floats) -> Store:
    opened = create_store(folder / f"{time.time_ns()}.gallery", identity_of(CARD))
    opened.add([NewTemplate(f"p{n:06d}", f"sha-{n}", vector, PORTRAIT) for n, vector in enumerate(vectors)])
    return opened


def measure(folder: Path, vectors: Floats) -> Population:
    return measure_population(gallery(folder, vectors))


def triple(rate: Estimate) -> list[float]:
    return [float(f"{value:.3g}") for value in (rate.value, rate.low, rate.high)]


def own(population: Population, rate: float) -> dict:
    threshold = population.threshold(rate)
    return {"threshold": round(threshold, 4), "fmr": triple(population.fmr(threshold))}


def halves(folder: Path, vectors: Floats, rounds: int, generator: np.random.Generator) -> dict:
    """The false match rate that half of the people's threshold for 1% has among the others."""
    rates, overlapping = [], 0
    for _ in range(rounds):
        order = generator.permutation(len(vectors))
        middle = len(order) // 2
        one, other = (measure(folder, vectors[part]) for part in (order[:middle], order[middle:]))
        threshold = one.threshold(2e-2 if middle < 46 else 1e-2)
        here, there = one.fmr(threshold), other.fmr(threshold)
        rates.append(there.value)
        overlapping += here.low <= there.high and there.low <= here.high
    low, middle_rate, high = np.quantile(rates, (0.05, 0.5, 0.95))
    return {
        "rounds": rounds,
        "fmr on the others, median and 90%": [float(f"{value:.3g}") for value in (middle_rate, low, high)],
        "intervals overlap": overlapping,
    }


def seconds(folder: Path, people: int, generator: np.random.Generator) -> dict:
    opened = gallery(folder, generator.normal(0, 0.06, (people, 128)).astype(np.float32))
    wall, processor = time.perf_counter(), time.process_time()
    own_rates(opened, 1e-4, 0.4582)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    again = time.perf_counter()
    own_rates(opened, 1e-4, 0.4582)
    again = time.perf_counter() - again
    return {"people": people, "wall": round(wall, 3), "processor": round(processor, 3), "again": round(again, 5)}


if __name__ == "__main__":
    main()
