"""The detectors that can be trained, by name. Recipes and the reading of weights use this table.

A new detector is a class in a file of its own and a line here.
"""

from functools import partial

from mien.train.detectors.network import DetectorKind
from mien.train.detectors.retinaface import mobilenet, resnet
from mien.train.detectors.scrfd import SHAPES, ScrfdNetwork

DETECTORS: dict[str, DetectorKind] = {
    **{name: DetectorKind(partial(ScrfdNetwork, shape)) for name, shape in SHAPES.items()},
    "retinaface-mnet025": DetectorKind(mobilenet, "body.stage1.0.0.weight", "stage1.0.0.weight"),
    "retinaface-r50": DetectorKind(resnet, "body.layer1.0.conv1.weight", "layer1.0.conv3.weight"),
}
