"""What every detector in training does: its losses, its stages, and that its file is of the family it names."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.detect.families import FAMILIES, recognize_family  # noqa: E402
from mien.detect.schedule import Candidates  # noqa: E402
from mien.models.card import InputSpec  # noqa: E402
from mien.train.detectors.network import Target  # noqa: E402
from mien.train.detectors.registry import DETECTORS  # noqa: E402
from mien.types import Floats  # noqa: E402


@pytest.mark.parametrize("name", ["scrfd-500m", "retinaface-mnet025"])
def test_perfect_outputs_have_no_box_or_landmark_loss_and_ignored_faces_teach_nothing(name: str) -> None:
    network = DETECTORS[name].build().train()
    face = torch.tensor([[24.0, 30.0, 84.0, 100.0]])
    points = torch.tensor([[[40.0, 50], [66, 50], [54, 66], [42, 82], [64, 82]]])
    none = torch.zeros(0, 4)
    outputs = network(torch.randn(1, 3, 128, 128))
    learned = network.losses(outputs, [Target(face, points, none)], 128, 128)
    assert (learned.sums > 0).all() and (learned.counts > 0).all()
    unlabelled = network.losses(outputs, [Target(face, points * float("nan"), none)], 128, 128)
    assert unlabelled.sums[2] == 0 and torch.isfinite(unlabelled.sums).all()
    background = network.losses(outputs, [Target(none, points[:0], none)], 128, 128)
    everything = torch.tensor([[-600.0, -600, 700, 700]])
    ignored = network.losses(outputs, [Target(none, points[:0], everything)], 128, 128)
    assert background.sums[0] > 0 and ignored.sums[0] == 0 and (ignored.counts == 0).all()
    learned.sums.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


@pytest.mark.parametrize("name", DETECTORS)
def test_every_parameter_of_a_detector_has_a_stage(name: str) -> None:
    with torch.device("meta"):
        network = DETECTORS[name].build()
    assert {network.stage_of(key) for key, _ in network.named_parameters()} == set(range(network.stages))


@pytest.mark.parametrize("name", DETECTORS)
def test_its_outputs_are_those_of_the_family_that_it_names(name: str) -> None:
    with torch.device("meta"):
        network = DETECTORS[name].build().eval()
        outputs = network.activated(network(torch.zeros(1, 3, 64, 96)))
    assert len(outputs) == len(network.outputs) == len(set(network.outputs))
    # The table that opens the exported file knows this very family by the shapes of the outputs.
    assert FAMILIES[network.family.name] is network.family
    assert recognize_family([tuple(output.shape) for output in outputs]) is network.family
    assert network.spec == network.family.input


def test_the_family_decodes_and_says_how_images_enter(monkeypatch: pytest.MonkeyPatch) -> None:
    network = DETECTORS["scrfd-500m"].build()
    given: list[tuple[object, ...]] = []
    found = Candidates(np.zeros((1, 4), "f4"), np.ones(1, "f4"), np.zeros((1, 5, 2), "f4"))

    def decode(outputs: Sequence[Floats], width: int, height: int, threshold: float) -> Candidates:
        given.append((len(outputs), width, height, threshold))
        return found

    spec = InputSpec(colour="BGR", mean=(1.0, 2.0, 3.0), scale=(4.0, 4.0, 4.0))
    monkeypatch.setattr(type(network), "family", replace(network.family, decode=decode, input=spec))
    assert network.decode([np.zeros((1, 2), "f4")] * 9, 96, 64, 0.3) is found
    assert given == [(9, 96, 64, 0.3)] and network.spec == spec
