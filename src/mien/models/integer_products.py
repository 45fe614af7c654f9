"""Products of whole numbers of 8 bits as matrices, for searches with many queries at once.

A processor with instructions for such products (VNNI) is some four times quicker with them than with float32. The
products are exact, and that is tried before they are used: a processor without the instructions may cut sums off.
Knows no gallery.
"""

from functools import cache
from importlib import import_module
from threading import local
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.models.engines import usable_cores
from mien.models.openvino_engine import load_openvino
from mien.types import Floats

LONGEST = 512
"""Numbers of a vector up to which every sum, at most 512 * 255 * 127, is a whole number that float32 holds."""


class IntegerProducts:
    """Products of codes with queries. Safe to call from several threads, which run side by side."""

    def __init__(self) -> None:
        self._network = _compiled()
        self._threads = local()

    def multiply(self, codes: NDArray[np.uint8], queries: Floats) -> Floats:
        """All products.

        Args:
            codes: (N, D) uint8 in C order, D up to LONGEST.
            queries: (Q, D) float32 that are whole numbers from -128 to 127.

        Returns:
            (N, Q) float32; it is overwritten by the next call of the same thread.
        """
        request = getattr(self._threads, "request", None)
        if request is None:
            request = self._threads.request = self._network.create_infer_request()
        request.infer([queries, codes], share_inputs=True, share_outputs=True)
        products: Floats = request.get_output_tensor(0).data
        return products


@cache
def integer_products() -> IntegerProducts | None:
    """The products of this machine; None where its processor does not compute them exactly."""
    products = IntegerProducts()
    generator = np.random.default_rng(0)
    codes = generator.integers(0, 256, (512, LONGEST)).astype(np.uint8)
    queries = generator.integers(-127, 128, (64, LONGEST)).astype(np.float32)
    # The largest sums that there can be, of either sign.
    codes[:2], queries[0], queries[1] = 255, 127, -127
    exact = codes.astype(np.int64) @ queries.T.astype(np.int64)
    for count in (1, len(queries)):
        if not np.array_equal(products.multiply(codes, np.ascontiguousarray(queries[:count])), exact[:, :count]):
            return None
    return products


def _compiled() -> Any:  # noqa: ANN401
    # Imported when it is needed: a search by one query does not.
    openvino = load_openvino()
    operations = import_module("openvino.opset13")

    def whole(values: Any, low: int, high: int) -> Any:  # noqa: ANN401
        """Numbers that are whole already, said in the way in which the engine looks for 8 bits."""
        ends = [operations.constant(np.float32(end)) for end in (low, high, low, high)]
        return operations.fake_quantize(values, *ends, 256)

    queries = operations.parameter([-1, -1], np.float32)
    codes = operations.parameter([-1, -1], np.uint8)
    product = operations.matmul(
        whole(operations.convert(codes, "f32"), 0, 255), whole(queries, -128, 127), False, True
    )
    cores = usable_cores()
    options = {"INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": cores, "INFERENCE_NUM_THREADS": cores}
    return openvino.Core().compile_model(openvino.Model([product], [queries, codes]), "CPU", options)
