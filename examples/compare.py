"""Compares two photographs, and says what the decision rests on.

python examples/compare.py first.jpg second.jpg
"""

import sys

import mien


def main(first: str, second: str) -> None:
    """Print the decision, and in what a face is outside of what the threshold was measured on."""
    decision = mien.compare_images(mien.read_image(first), mien.read_image(second), fmr=1e-3)
    threshold = decision.threshold
    print(f"{decision.outcome}: {decision.score.unit} {decision.score.value:.3f}, threshold {threshold.value:.3f}")
    print(f"false match rate {threshold.fmr:g}, measured on {threshold.protocol}")
    for doubt in decision.doubts:
        print(f"outside of that: {doubt.code}")


if __name__ == "__main__":
    main(*sys.argv[1:3])
