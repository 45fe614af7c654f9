"""Covers every face of an image, for publishing it.

python examples/redact.py photograph.jpg redacted.png
"""

import sys

import cv2

import mien
from mien.detect.redaction import redact


def main(source: str, target: str) -> None:
    """Write the image with each face, hair and ears too, as at most 6 x 6 cells, and say how many there were."""
    image = mien.read_image(source)
    faces = mien.detect_faces(image)
    # A blur can be undone, and ears and hair outside of the box are recognized too.
    covered = redact(image, faces)
    if not cv2.imwrite(target, covered[..., ::-1]):
        sys.exit(f"{target} cannot be written: is its folder there?")
    print(f"{target}: {len(faces)} covered; look whether there are others before you publish it")


if __name__ == "__main__":
    main(*sys.argv[1:3])
