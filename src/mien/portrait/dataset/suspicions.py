"""What may be wrong with the labels of a data set, by numbers of rows and folders. Values only."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Suspect:
    """An image that may show somebody else than its folder says.

    Attributes:
        row: of the image.
        certainty: 0 to 1 that the label is wrong.
        better: the folder whose person it resembles more; -1 where there is none.
        like: a row of that folder, or of the image's own person where there is none, for looking at both.
    """

    row: int
    certainty: float
    better: int
    like: int


@dataclass(frozen=True, slots=True)
class Split:
    """A folder that seems to hold two people: rows of the first and of the second."""

    folder: int
    first: tuple[int, ...]
    second: tuple[int, ...]
    certainty: float


@dataclass(frozen=True, slots=True)
class Merge:
    """Two folders that seem to hold one person, and the two rows that are most alike."""

    a: int
    b: int
    row_a: int
    row_b: int
    certainty: float


@dataclass(frozen=True, slots=True)
class Confused:
    """Folders of people whom the recognizer cannot tell apart, and the two most alike rows of two of them."""

    folders: tuple[int, ...]
    row_a: int
    row_b: int
