"""Checks portraits by rules, and prints what each person should do.

python examples/check_portraits.py photograph.jpg ...
"""

import sys
from collections.abc import Sequence

import mien


def main(files: Sequence[str]) -> None:
    """Print outcome, quality and instructions of each file."""
    for file in files:
        checked = mien.check(file)
        print(f"{file}: {checked.outcome}, quality {checked.quality:.0f}")
        for sentence in checked.instructions("en"):
            print(f"- {sentence}")


if __name__ == "__main__":
    main(sys.argv[1:])
