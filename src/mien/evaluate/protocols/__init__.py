"""Protocols of evaluation, one file each, and the table of them."""

from mien.evaluate.protocols import (
    calibration,
    comparison,
    det,
    identification,
    ijb,
    impostor,
    mated,
    mfr,
    quality,
    robustness,
    tinyface,
    verification,
)
from mien.evaluate.protocols.protocol import Protocol

PROTOCOLS: dict[str, Protocol] = {
    module.PROTOCOL.name: module.PROTOCOL
    for module in (
        verification,
        impostor,
        mated,
        robustness,
        identification,
        calibration,
        comparison,
        det,
        quality,
        mfr,
        ijb,
        tinyface,
    )
}
"""By name. The verbs of `mien evaluate`, their help and the guide's table derive from it; a new one is one file and
its name here."""
