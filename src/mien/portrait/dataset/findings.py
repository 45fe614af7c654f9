"""What is wrong with a data set: the kinds of findings with their severities, and one finding.

A finding's title and sentence are `finding.KIND` in the catalogues of messages. Looks for nothing itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mien.messages import Argument, Message
from mien.portrait.rules.schema import Severity

KINDS: dict[str, Severity] = {
    "missing-group": "error",
    "unknown-folder": "error",
    "double-group": "error",
    "twin-folder": "error",
    "both-groups": "error",
    "loose-image": "error",
    "stray-file": "warning",
    "empty-folder": "error",
    "nested-folder": "warning",
    "repeated-folder": "warning",
    "unreadable-folder": "error",
    "unreadable-image": "error",
    "few-images": "error",
    "same-file": "error",
    "near-duplicate": "error",
    "same-photo-two-people": "error",
    "unlike-others": "error",
    "two-people": "error",
    "one-person-twice": "error",
    "confusable-people": "warning",
    "age-contradiction": "error",
    "manifest-row": "warning",
    "not-in-folder": "warning",
}
"""How severe each kind is, in the order of reports. A new kind is an entry here and its texts in the catalogues."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is wrong with a data set.

    Attributes:
        kind: one of KINDS.
        place: the folder or file, as a path below the data set.
        others: the folders or files that belong to it.
        arguments: what else its sentence needs.
        variant: which of the kind's sentences it is.
        shown: two images to look at, where the finding is about how alike they are.
        certainty: 0 to 1; 1 for what is counted and compared rather than estimated.
    """

    kind: str
    place: str
    others: tuple[str, ...] = ()
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    variant: str = "text"
    shown: tuple[str, ...] = ()
    certainty: float = 1.0

    @property
    def severity(self) -> Severity:
        """How severe it is."""
        return KINDS[self.kind]

    @property
    def message(self) -> Message:
        """The finding as a sentence."""
        arguments = {"place": self.place, "others": ", ".join(self.others), **self.arguments}
        return Message(f"finding.{self.kind}.{self.variant}", arguments)


def kind_title(kind: str) -> Message:
    """What a kind of finding is called."""
    return Message(f"finding.{kind}.title")
