"""What follows where a face is outside of what was measured: `demand`, `warn` or `ignore`. Holds the names alone.

demand   the face is refused with the reason, as an image without a face is: not enrolled, compared or searched
warn     the face is used, and the decision on it is `uncertain`, with the reason and the rate that is known
ignore   nothing is measured, and decisions are made as if every rate held

A face is outside where no rate is known for what it shows, or where the known rate is beyond the interval of the rate
that the threshold promises. Where the known rate is within that interval (grey images, with most recognizers), the
decision stands under each policy.

`auto`, the default of the setting, demands for enrolment in galleries that were made with this setting and warns
elsewhere: what is enrolled is compared with every probe for years, and a photograph can be taken again.
"""

from typing import Literal, cast

from mien.settings import AUTO_SCOPE, load_settings, parse

ScopePolicy = Literal["demand", "warn", "ignore"]


def scope_policy(chosen: str | None, *, otherwise: ScopePolicy = "warn") -> ScopePolicy:
    """The policy that was asked for, or the one of the settings.

    Args:
        chosen: a policy, `auto`, or None for the setting.
        otherwise: what `auto` means here.

    Raises:
        SettingsError: there is no such policy.
    """
    name = load_settings().scope if chosen is None else parse("scope", chosen, "scope")
    return otherwise if name == AUTO_SCOPE else cast("ScopePolicy", name)
