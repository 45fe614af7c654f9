"""What a detector is: weights, licence, size, parameters, multiplications. Runs no detector."""

from dataclasses import dataclass

from mien.detect.families import built_in
from mien.detect.mtcnn_pyramid import MtcnnSettings, pyramid
from mien.models import store
from mien.models.complexity import complexity

COUNTED = (640, 480)
"""The input for which multiplications are counted, where a network takes any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorIdentity:
    """What a detector is: `bytes` and `parameters` are of all its files; None where it is not a network."""

    weights: str
    licence: str
    bytes: int | None = None
    parameters: int | None = None
    multiplications: int | None = None
    input: str = "any size"


def identify(name: str) -> DetectorIdentity:
    """What a detector is, by its card and files."""
    if name in (families := built_in()):
        return DetectorIdentity(weights=families[name].weights, licence=families[name].licence)
    model = store.load(name)
    spec = model.card.input
    width, height = (spec.width, spec.height) if spec.width and spec.height else COUNTED
    files = {part: (model.folder / file.path).read_bytes() for part, file in model.card.files.items()}
    if model.card.family == "mtcnn":
        total, parameters = _mtcnn(files)
    else:
        costs = [complexity(data, width, height) for data in files.values()]
        parameters = sum(cost.parameters for cost in costs)
        products = [cost.multiplications for cost in costs]
        total = None if None in products else sum(product or 0 for product in products)
    return DetectorIdentity(
        weights=model.card.source,
        licence=model.card.licence,
        bytes=sum(len(data) for data in files.values()),
        parameters=parameters,
        multiplications=total,
        input=f"{width}x{height}" if spec.width and spec.height else f"any size, counted at {width}x{height}",
    )


def _mtcnn(files: dict[str, bytes]) -> tuple[int | None, int]:
    """P-Net on all levels of its pyramid; what R-Net and O-Net cost depends on the image and is left out."""
    width, height = COUNTED
    total = 0
    for scale in pyramid(width, height, MtcnnSettings()):
        cost = complexity(files["pnet"], round(width * scale) + 12, round(height * scale) + 12).multiplications
        if cost is None:
            return None, 0
        total += cost
    return total, sum(complexity(data, 48, 48).parameters for data in files.values())
