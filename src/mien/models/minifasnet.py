"""Writes MiniFASNet (liveness, minivision-ai/Silent-Face-Anti-Spoofing) as ONNX from its weights. Needs no torch.

The network is a MobileFaceNet of narrow layers: pairs of 1x1 and depthwise 3x3 convolutions, with shortcuts in
three groups of blocks, and, in the variants "SE", squeeze and excitation in the last block of each group. Widths,
the number of blocks and the places of squeeze and excitation follow from the names and shapes of the weights. Each
weight must be used, so that those of another network are refused. Knows no crop and no threshold.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import CardError
from mien.models.torch_weights import Weights

if TYPE_CHECKING:
    import onnx

SIDE = 80
"""Width and height of the input."""
EPSILON = 1e-5
"""Added to variances by torch's batch norm."""
PREFIX = "module."
STEPS = (("conv_23", "conv_3"), ("conv_34", "conv_4"), ("conv_45", "conv_5"))
"""A block that halves the map, and the group of blocks with shortcuts that follows it."""
UNUSED = "num_batches_tracked"


def is_minifasnet(weights: Weights) -> bool:
    """Whether weights have the names of a MiniFASNet."""
    names = {name.removeprefix(PREFIX) for name in weights}
    return {"conv1.conv.weight", "conv_6_dw.conv.weight", "prob.weight"} <= names


def convert_minifasnet(weights: Weights, name: str) -> bytes:
    """Write a MiniFASNet as ONNX: (N, 3, 80, 80) pixels, and (N, 3) scores before the softmax.

    Args:
        weights: by their names in the publisher's network.
        name: what messages call them.

    Raises:
        CardError: a weight is missing, or one was not used.
    """
    writer = _Writer({key.removeprefix(PREFIX): value for key, value in weights.items() if not key.endswith(UNUSED)})
    try:
        output = writer.network()
    except KeyError as reason:
        raise CardError(f"{name} has no weight {reason.args[0]}, so it is not a MiniFASNet") from reason
    left = sorted(set(writer.weights) - writer.used)
    if left:
        raise CardError(f"{name} has weights that a MiniFASNet does not have: {', '.join(left[:3])}")
    return writer.serialize(output)


class _Writer:
    """The graph so far, and which weights it took."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.used: set[str] = set()
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, NDArray[Any]] = {}

    def network(self) -> str:
        """Write all layers; returns the name of the output."""
        top = self.block("conv1", "input", stride=2, padding=1)
        top = self.block("conv2_dw", top, padding=1)
        for halving, group in STEPS:
            top = self.depthwise(halving, top, stride=2)
            for number in range(self.blocks(group)):
                top = self.add("Add", [top, self.depthwise(f"{group}.model.{number}", top)])
        top = self.convolution("conv_6_dw", self.block("conv_6_sep", top))
        flat = self.add("Flatten", [top])
        dense = self.add("Gemm", [flat, self.take("linear.weight")], transB=1)
        return self.add("Gemm", [self.norm("bn", dense), self.take("prob.weight")], transB=1)

    def blocks(self, group: str) -> int:
        return len({key.split(".")[2] for key in self.weights if key.startswith(f"{group}.model.")})

    def depthwise(self, name: str, source: str, stride: int = 1) -> str:
        """1x1 to more channels, depthwise 3x3, 1x1 to fewer, and squeeze and excitation where there are weights."""
        top = self.block(f"{name}.conv", source)
        top = self.block(f"{name}.conv_dw", top, stride=stride, padding=1)
        top = self.convolution(f"{name}.project", top)
        return self.excite(f"{name}.se_module", top) if f"{name}.se_module.fc1.weight" in self.weights else top

    def excite(self, name: str, source: str) -> str:
        """Squeeze and excitation: each channel times a factor of 0 to 1 that the means of all channels give."""
        top = self.add("GlobalAveragePool", [source])
        top = self.norm(f"{name}.bn1", self.add("Conv", [top, self.take(f"{name}.fc1.weight")]))
        top = self.add("Conv", [self.add("Relu", [top]), self.take(f"{name}.fc2.weight")])
        return self.add("Mul", [source, self.add("Sigmoid", [self.norm(f"{name}.bn2", top)])])

    def block(self, name: str, source: str, stride: int = 1, padding: int = 0) -> str:
        """Convolution, batch norm and PReLU."""
        top = self.convolution(name, source, stride, padding)
        slopes = self.weights[f"{name}.prelu.weight"].reshape(-1, 1, 1)
        return self.add("PRelu", [top, self.take(f"{name}.prelu.weight", slopes)])

    def convolution(self, name: str, source: str, stride: int = 1, padding: int = 0) -> str:
        """Convolution and batch norm; depthwise where each kernel has one channel."""
        kernel = self.weights[f"{name}.conv.weight"]
        top = self.add(
            "Conv",
            [source, self.take(f"{name}.conv.weight")],
            group=len(kernel) if kernel.shape[1] == 1 else 1,
            strides=[stride, stride],
            pads=[padding] * 4,
        )
        return self.norm(f"{name}.bn", top)

    def norm(self, name: str, source: str) -> str:
        parts = [self.take(f"{name}.{part}") for part in ("weight", "bias", "running_mean", "running_var")]
        return self.add("BatchNormalization", [source, *parts], epsilon=EPSILON)

    def take(self, name: str, values: NDArray[Any] | None = None) -> str:
        """Use a weight."""
        self.constants[name] = self.weights[name] if values is None else values
        self.used.add(name)
        return name

    def add(self, kind: str, inputs: list[str], **attributes: object) -> str:
        from onnx import helper

        output = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def serialize(self, output: str) -> bytes:
        """The ONNX file."""
        import onnx
        from onnx import TensorProto, helper, numpy_helper

        constants = [
            numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name)
            for name, values in self.constants.items()
        ]
        classes = len(self.weights["prob.weight"])
        graph = helper.make_graph(
            self.nodes,
            "minifasnet",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", classes])],
            constants,
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="mien"
        )
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString(deterministic=True))
