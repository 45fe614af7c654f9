"""Enrols a folder of people and names everybody in a photograph.

python examples/attendance.py people/ photograph.jpg      # people/NAME/*.jpg
"""

import sys
import tempfile
from pathlib import Path

import mien


def main(people: str, photograph: str) -> None:
    """Print one line per face: who it is, or that it is unknown."""
    with tempfile.TemporaryDirectory() as folder:
        gallery = mien.Gallery.create(Path(folder) / "people.gallery", mien.load_card())
        mien.enrol_folder(gallery, people)
        for face, who in mien.identify_faces(gallery, mien.read_image(photograph)):
            print(f"{who.decision} at {face.box.x1:.0f}, {face.box.y1:.0f}")
        gallery.close()


if __name__ == "__main__":
    main(*sys.argv[1:3])
