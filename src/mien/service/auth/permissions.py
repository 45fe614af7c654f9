"""The table of permissions, and which of them a role has. API keys have permissions of their own as their scopes."""

from typing import Literal, get_args

Permission = Literal["recognize", "read", "embed", "enrol", "erase", "calibrate", "audit", "galleries", "access"]
PERMISSIONS: tuple[Permission, ...] = get_args(Permission)
"""What each one allows:

recognize   detect, compare, check, identify, verify
read        galleries, subjects, samples and their portraits
embed       get embeddings, which gives templates away
enrol       create and change subjects, add samples
erase       subjects and samples
calibrate   thresholds and health
audit       events and the audit log
galleries   create, change and delete galleries
access      accounts and keys
"""

Role = Literal["viewer", "operator", "officer", "administrator"]

VIEWER: frozenset[Permission] = frozenset({"recognize", "read"})
OPERATOR: frozenset[Permission] = VIEWER | {"enrol"}
OFFICER: frozenset[Permission] = OPERATOR | {"erase", "calibrate", "audit"}
ADMINISTRATOR: frozenset[Permission] = frozenset(PERMISSIONS)

ROLES: dict[Role, frozenset[Permission]] = {
    "viewer": VIEWER,
    "operator": OPERATOR,
    "officer": OFFICER,
    "administrator": ADMINISTRATOR,
}
"""Each role may do what those before it may."""
