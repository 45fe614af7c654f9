"""The texts of training reports: messages `train.` of the catalogues, and metrics as people call them.

Every text of a report is a message, so that the report can be written in any language; see Report.in_language.
Computes nothing.
"""

from mien.messages import Argument, Message, Text, has_message


def message(code: str, /, **arguments: Argument) -> Message:
    """The message `train.CODE`."""
    return Message(f"train.{code}", arguments)


def metric_text(name: str) -> Text:
    """What people call a metric of an evaluation, such as `eer` or `fnmr@1e-03`; an unknown name stays as it is."""
    kind, _, rate = name.partition("@")
    code = f"metric.{kind.replace(' ', '-')}" + ("-at" if rate else "")
    if not has_message(f"train.{code}"):
        return name
    return message(code, rate=float(rate)) if rate else message(code)
