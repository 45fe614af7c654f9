"""Blurs every face of an image, for publishing it.

python examples/redact.py photograph.jpg redacted.png
"""

import sys

import cv2

import mien


def main(source: str, target: str) -> None:
    """Write the image with each face blurred beyond recognition."""
    image = mien.read_image(source).copy()
    height, width = image.shape[:2]
    for face in mien.detect_faces(image):
        left, top = max(0, int(face.box.x1)), max(0, int(face.box.y1))
        right, bottom = min(width, int(face.box.x2) + 1), min(height, int(face.box.y2) + 1)
        part = image[top:bottom, left:right]
        image[top:bottom, left:right] = cv2.blur(part, (part.shape[1] // 2 + 1, part.shape[0] // 2 + 1))
    cv2.imwrite(target, image[..., ::-1])


if __name__ == "__main__":
    main(*sys.argv[1:3])
