"""What tests of portraits share: chips with known pixels, two real faces, and small data sets."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnx
import pyarrow as pa
import pytest
import simplejpeg
from onnx import TensorProto, helper, numpy_helper

from mien.messages import Message
from mien.pipeline import array_item
from mien.portrait.dataset.audit import Audit, RuleResult
from mien.portrait.dataset.balance import MissingPeople, balance
from mien.portrait.dataset.findings import Finding
from mien.portrait.dataset.measure_files import AuditModels
from mien.portrait.dataset.measurements import gather, schema
from mien.portrait.dataset.people import PersonSummary
from mien.portrait.dataset.structure import Entry
from mien.portrait.examine import Examined, Examiner, open_examiner
from mien.portrait.measures.face_chip import CHIP, CHIP_POSE, FaceChip, PortraitImage, make_face_chip
from mien.portrait.rules.schema import Rule, RuleSet, WantedShares
from mien.portrait.rules.verdicts import states
from mien.types import Box, Face, Image


@pytest.fixture(scope="session")
def network() -> Callable[..., bytes]:
    """Makes networks that give the same answers for every picture."""

    def make(*answers: np.ndarray, side: int = 64) -> bytes:
        nodes = [
            helper.make_node("ReduceMean", ["input"], ["m"], axes=[1, 2, 3], keepdims=0),
            helper.make_node("Mul", ["m", "zero"], ["z"]),
        ]
        weights, outputs = [numpy_helper.from_array(np.zeros(1, np.float32), "zero")], []
        for number, answer in enumerate(answers):
            shape, name = [1, *answer.shape], f"output{number}"
            nodes += [
                helper.make_node("Reshape", ["z", f"one{number}"], [f"r{number}"]),
                helper.make_node("Add", [f"r{number}", f"answer{number}"], [name]),
            ]
            weights += [
                numpy_helper.from_array(np.ones(len(shape), np.int64), f"one{number}"),
                numpy_helper.from_array(answer.astype(np.float32)[None], f"answer{number}"),
            ]
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, side, side])]
        graph = helper.make_graph(nodes, "fixed", inputs, outputs, weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())

    return make


@pytest.fixture(scope="session")
def examiner() -> Examiner:
    return open_examiner()


@pytest.fixture(scope="session")
def hopper_examined(examiner: Examiner, hopper: Image) -> Examined:
    return examiner.item(array_item("image", hopper))


@pytest.fixture(scope="session")
def collins_examined(examiner: Examiner, collins: Image) -> Examined:
    return examiner.item(array_item("image", collins))


@pytest.fixture(scope="session")
def seen() -> Callable[..., FaceChip]:
    """Views of pictures that are chips already, so that zones lie where the tests put them."""

    def make(chip: Image, **known: object) -> FaceChip:
        face = Face(Box(50, 30, 174, 210), 0.99, CHIP_POSE.points)
        return make_face_chip(PortraitImage(image=chip, width=CHIP, height=CHIP, faces=(face,), chosen=0, **known))  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def grain() -> Image:
    """A chip of skin-coloured grain without any structure."""
    draw = np.random.default_rng(0)
    return np.clip(draw.normal((190, 150, 130), 4, (CHIP, CHIP, 3)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def write() -> Callable[[Path, Image], Path]:
    """Writes a picture as JPEG or PNG, by its ending."""

    def save(path: Path, image: Image, quality: int = 92) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality, "RGB"))
        return path

    return save


def variant(image: Image, number: int) -> Image:
    """The photograph turned, lit and cut otherwise, which the audit knows again; odd ones mirrored, which are
    others."""
    draw = np.random.default_rng(number)
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(
        (width / 2, height / 2), float(draw.uniform(-9, 9)), float(draw.uniform(0.95, 1.2))
    )
    made = cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
    made = made[:, ::-1] if number % 2 else made
    shade = 1 + 0.25 * draw.uniform(-1, 1) * np.linspace(-1, 1, width)[None, :, None]
    made = np.clip(made * shade + draw.normal(0, 2, made.shape), 0, 255).astype(np.uint8)
    cut = int(draw.integers(0, 30))
    return np.ascontiguousarray(made[cut : height - cut // 2, cut : width - cut])


@pytest.fixture(scope="session")
def portraits(tmp_path_factory: pytest.TempPathFactory, collins: Image, hopper: Image, write: Callable) -> Path:
    """Two adults with five images each, one with faults; a child that nobody photographed."""
    root = tmp_path_factory.mktemp("sets") / "portraits"
    for number in range(5):
        write(root / "adults" / "Grace" / f"{number}.jpg", variant(hopper, number))
        write(root / "adults" / "Eileen" / f"{number}.jpg", variant(collins[0:300, 60:400], number))
    shutil.copy(root / "adults" / "Grace" / "0.jpg", root / "adults" / "Grace" / "copy.jpg")
    write(root / "adults" / "Grace" / "again.jpg", variant(hopper, 1), 40)
    write(root / "adults" / "Eileen" / "blurred.jpg", cv2.GaussianBlur(variant(collins[0:300, 60:400], 8), (0, 0), 6))
    write(
        root / "adults" / "Eileen" / "wall.jpg",
        np.random.default_rng(0).integers(90, 110, (300, 300, 3)).astype(np.uint8),
    )
    (root / "adults" / "Eileen" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut")
    (root / "children" / "empty").mkdir(parents=True)
    return root


@pytest.fixture
def small(portraits: Path, tmp_path: Path) -> Path:
    root = tmp_path / "small"
    for name in ("0", "1", "2", "3"):
        place = root / "adults" / "Grace" / f"{name}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(portraits / "adults" / "Grace" / f"{name}.jpg", place)
    return root


@pytest.fixture
def made_audit() -> Audit:
    """An audit of five made-up images of two people by two rules, an error and a warning.

    Widths: 300 passes, 90 and 40 fail, the fourth has a reason and no width, the fifth cannot be read.
    """
    reason = Message("reason.needs-model", {"family": "parsing"})
    rows = [
        {"path": "An/a.jpg", "sha256": "a", "faces": 1.0, "width": 300.0, "height": 300.0},
        {"path": "An/b.jpg", "sha256": "b", "faces": 1.0, "width": 90.0, "height": 300.0},
        {"path": "An/c.jpg", "sha256": "c", "faces": 0.0, "width": 40.0, "height": 50.0},
        {"path": "Bo/d.jpg", "sha256": "d", "faces": 2.0, "height": 300.0}
        | {"reasons": json.dumps({"width": reason.as_json()})},
        {"path": "Bo/e.jpg", "sha256": "e", "error": "e.jpg is cut off"},
    ]
    measurements = gather([pa.Table.from_pylist(rows, schema())])
    rules = tuple(
        Rule(id=f"{measure}-rule", part="1", measure=measure, unit="px", min=100, severity=severity)
        for measure, severity in (("width", "error"), ("height", "warning"))
    )
    values = [measurements.values(rule.measure) for rule in rules]
    return Audit(
        root=Path("set"),
        rules=RuleSet(name="mine", version=1, rule=rules),
        models=AuditModels(recognizer="", portrait_models=("extra",)),
        entries=[Entry(row["path"], row["path"][:2], "adult", "female") for row in rows],
        measurements=measurements,
        results=tuple(
            RuleResult(rule, states(rule, column, column * 0)[0], column)
            for rule, column in zip(rules, values, strict=True)
        ),
        findings=(
            Finding(kind="stray-file", place="notes.txt"),
            Finding(kind="same-file", place="An/a.jpg", others=("An/b.jpg",), certainty=0.9),
            Finding(kind="stray-file", place="more.txt"),
        ),
        people=(
            PersonSummary(name="An", group="adult", sex="female", images=3, distinct=3, accepted=1),
            PersonSummary(name="Bo", group="adult", sex="female", images=2, distinct=1, accepted=0),
        ),
        balances=(balance("sex", "people", ["female", "female"], WantedShares(parts={"male": 1, "female": 1})),),
        missing=(MissingPeople("male", "", 2),),
        accepted=np.array([True, False, False, False, False]),
        readable=np.array([True, True, True, True, False]),
        notes=(Message("audit.guesses-unused"),),
    )
