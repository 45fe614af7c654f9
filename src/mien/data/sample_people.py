"""Two people to try mien with: public-domain portraits that come with packages. Finds no faces and downloads nothing.

Eileen Collins (NASA, in scikit-image) and Grace Hopper (US Navy, in matplotlib).
"""

from pathlib import Path

import numpy as np

from mien.image import read_image
from mien.models.defaults import package_file
from mien.output_names import OutputGuard
from mien.save_image import encode_to

PORTRAITS = {
    "Eileen Collins": ("scikit-image", "skimage/data/astronaut.png"),
    "Grace Hopper": ("matplotlib", "matplotlib/mpl-data/sample_data/grace_hopper.jpg"),
}
"""The package of each portrait, and the file in it."""

LIGHTS = (1.0, 0.8, 0.6)
"""What the values of each portrait's images are multiplied by."""


def write_sample_people(folder: Path, *, overwrite: bool = False) -> Path:
    """Write a folder per person, FOLDER/NAME/0.png to 2.png, with three brightnesses of one portrait.

    They are copies of one photograph, so what is measured on them says nothing about other photographs.

    Args:
        folder: it is made where it is missing; what an earlier call wrote is replaced.
        overwrite: replace also files of these names that an earlier call did not write.

    Returns:
        The folder.

    Raises:
        MissingExtraError: the packages with the portraits are not installed: pip install 'mien[samples]'.
        OutputError: the folder holds files of these names that an earlier call did not write.

    Example:
        >>> people = mien.write_sample_people(Path("sample-people"))
        >>> sorted(path.name for path in people.iterdir())
        ['Eileen Collins', 'Grace Hopper']
    """
    guard = OutputGuard(overwrite=overwrite)
    images = {name: read_image(package_file(*where)) for name, where in PORTRAITS.items()}
    paths = {name: [folder / name / f"{number}.png" for number in range(len(LIGHTS))] for name in images}
    guard.check([path for each in paths.values() for path in each])
    for name, image in images.items():
        for path, light in zip(paths[name], LIGHTS, strict=True):
            with guard.write(path) as scratch:
                encode_to(scratch, np.asarray(image * light, np.uint8))
    return folder
