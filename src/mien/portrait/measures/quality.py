"""The overall quality of a portrait: a weighted sum of what its measures say, 0 to 100.

The weights say how much a measure helps to predict that a recognizer fails, not how much a rule asks for it; they
were fitted on CelebA with two recognizers, whose embeddings are not an input (docs/log.md). Background and colour
have no weight, since they hardly affect recognizers.
"""

from collections.abc import Mapping

from mien.portrait.measures.measure import Measured

WEIGHTS: dict[str, float] = {
    "yaw": 0.183,
    "pitch": 0.12,
    "sharpness": 0.103,
    "motion_blur": 0.086,
    "roll": 0.082,
    "four_zones": 0.075,
    "dark_lenses": 0.061,
    "luminance_variance": 0.053,
    "noise": 0.052,
    "dynamic_range": 0.052,
    "enlargement": 0.048,
    "glasses": 0.028,
    "cheek_balance": 0.024,
    "mask": 0.017,
    "luminance": 0.015,
}
"""What each measure's quality counts; they add up to 1."""


def overall(measures: Mapping[str, Measured]) -> float:
    """The mean of the measures' qualities by weight, over those that could be taken."""
    parts = [(weight, measures[name].quality) for name, weight in WEIGHTS.items()]
    known = [(weight, value) for weight, value in parts if value is not None]
    return sum(weight * value for weight, value in known) / max(1e-9, sum(weight for weight, _ in known))
