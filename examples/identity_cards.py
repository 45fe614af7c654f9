"""Decides on a list of pairs, and prints those that a person should look at.

python examples/identity_cards.py cards.csv decisions/      # the list has the columns id, card, selfie
"""

import sys
from pathlib import Path

import mien


def main(pairs: str, out: str) -> None:
    """Print each pair of the review list with its outcome; the page with all faces is in the folder."""
    log = mien.verify_pairs(Path(pairs), Path(out))
    for one in log.to_review:
        print(one.pair.id, one.outcome, [reason.code for reason in one.reasons])
    print(f"{Path(out) / 'report.html'} shows all pairs")


if __name__ == "__main__":
    main(*sys.argv[1:3])
