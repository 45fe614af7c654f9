"""Checks the project's English: words it has given up, and lines of prose that are too long.

    python scripts/words.py [PATH ...]     # default: all of the project's texts and code

Prints `file:line: word: say instead` for each finding and exits with 1 if there is one. Knows words and lines, not
grammar. The results of benchmarks and published reports are not checked.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 120
FILES = (
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CODE_OF_CONDUCT.md",
    "CHANGELOG.md",
    "docs/glossary.md",
    "docs/log.md",
    "docs/decisions/*.md",
    "docs/guide/*.md",
    "docs/tutorials/*.md",
    "docs/architecture.md",
    "benchmarks/*.py",
    "scripts/*",
    "src/**/*.py",
    "src/**/*.toml",
    "src/**/*.html",
    "src/**/*.css",
    "tests/**/*.py",
)

COUNTED = (
    "images|pictures|photographs|portraits|frames|crops|faces|files|inputs|operations|samples|embeddings|templates|"
    "probes|rows|comparisons|queries|boxes|milliseconds|ms|seconds|value|values|file|row|page|sentence|once|twice|"
    "[0-9][0-9.,]*%?"
)
UNITS = (
    "second|minute|hour|image|picture|photograph|frame|subject|person|class|line|row|step|epoch|core|process|thread|"
    "query|chunk|set|folder|face|stage|kind|rank|training"
)
AFTER_NO = "longer|more|less|better|worse|different|other"
NOUNS_AFTER_SECOND = "pass|look|time|one|copy|detector|recognizer|model|half|run|file|system|language|process|opinion"


@dataclass(frozen=True)
class Word:
    """A word or phrase that the project does not use.

    Attributes:
        pattern: a regular expression, case-sensitive apart from the first letter.
        instead: what to say.
        where: the beginning of the paths that it is looked for in.
    """

    pattern: str
    instead: str
    where: str = ""


WORDS = (
    Word(r"anew", "again"),
    Word(r"likewise", "also; see X"),
    Word(r"told", "message, report"),
    Word(r"(?<![.])tells?(?! apart| (?:them|it|these) apart)", "message, report, show"),
    Word(r"lies|lie (?:in|on|at|under|within|between|beyond|outside)", "is in, is on"),
    Word(r"(?<!at )(?<!at the very )least(?! squares| recently| significant|[ -]similar)", "min, minimum"),
    Word(r"(?<!at )most(?=\s*[:=](?!=))|--most", "max, maximum"),
    Word(r"\.most(?!-similar)", "max, maximum"),
    Word(r"LEAST|MOST", "MIN_..., MAX_..."),
    Word(rf"(?<!there )(?<!There )(?:is|are|was|were) no(?! (?:{AFTER_NO}))(?= [a-z])", "is not a X; there is no X"),
    Word(r"(?<!there )(?<!There )(?:is|are) none", "there is none; is not a X"),
    Word(rf"(?:{COUNTED}) an? (?:{UNITS})(?! (?:{NOUNS_AFTER_SECOND}))", "per second, per subject, per line"),
    Word(r"one's own", "your own"),
    Word(r"mend(?:s|ed|ing)?", "fix"),
    Word(r"(?<!one )pass(?:ed|es|ing)? over(?! the| all)", "skip"),
    Word(r"by choice", "optional"),
    Word(r"beside", "next to, besides, with"),
    Word(r"give another", "choose a different"),
    Word(r"at hand", "available"),
    Word(r"(?<!for )wants?", "needs, requires"),
    Word(r"pictures?", "image; photograph; portrait", "src/"),
    Word(r"an_epoch", "steps_per_epoch, crops_per_epoch"),
    Word(r"face_look|look=", "phash"),
    Word(r"\.look", "phash"),
)


@dataclass(frozen=True)
class Allowed:
    """A place where a word stays, and why.

    Attributes:
        path: the beginning of its path.
        text: what the line contains.
        reason: for whoever reads this list.
    """

    path: str
    text: str
    reason: str


ALLOWED = (
    Allowed("scripts/words.py", "", "this list"),
    Allowed("tests/scripts/test_words.py", "", "tests this list"),
    Allowed(
        "src/mien/train/", '"data.least"', "the old name of a recipe's key, for the message that has the new one"
    ),
    Allowed("tests/train/", "least", "the old name of a recipe's key, which tests expect to be refused"),
    Allowed("src/mien/train/", '"pictures"', "a key of checkpoints, which have to stay readable"),
    Allowed("", "docs/pictures", "the folder of the guides' figures"),
    Allowed("src/mien/cli/bench.py", '"--most"', "a former name of an option, which is still read"),
    Allowed("src/mien/evaluate/protocols/", '"--most"', "a former name of an option, which is still read"),
    Allowed("src/mien/evaluate/detectors/survey_report.py", 'found["', "keys of report.json, which stay as they are"),
    Allowed("CHANGELOG.md", "(`Told` is", "a former name, which users look for"),
    Allowed("CHANGELOG.md", "`--most`", "a former name, which users look for"),
    Allowed("CHANGELOG.md", "instead of `least`", "a former name, which users look for"),
)


@dataclass(frozen=True)
class Finding:
    """A word or a long line at a place."""

    path: str
    line: int
    word: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.word}: {self.instead}"


def main(arguments: list[str]) -> int:
    """Check the given paths, or everything; return the exit code."""
    paths = [Path(argument).resolve() for argument in arguments] or list(texts(ROOT))
    found = [one for path in paths for one in check(shown(path), path.read_text(encoding="utf-8"))]
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


def shown(path: Path) -> str:
    """A path as it is printed: relative to the project where it is in it."""
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


def texts(root: Path) -> Iterator[Path]:
    """All files that are checked."""
    for pattern in FILES:
        yield from (path for path in sorted(root.glob(pattern)) if path.is_file())


def check(path: str, text: str) -> Iterator[Finding]:
    """What is wrong in a text.

    Args:
        path: relative to the project, with slashes.
        text: the file's content.
    """
    fenced = False
    for number, line in enumerate(text.splitlines(), start=1):
        if not allowed(path, line):
            for expression, word in COMPILED:
                if path.startswith(word.where) and (match := expression.search(line)):
                    yield Finding(path, number, match.group(), word.instead)
        fenced ^= line.startswith("```")
        if path.endswith(".md") and not fenced and prose_length(line) > LONGEST:
            yield Finding(path, number, f"{prose_length(line)} characters", f"at most {LONGEST} per line of prose")


def allowed(path: str, line: str) -> bool:
    """Whether a place is on the list of those that keep their words."""
    return any(path.startswith(one.path) and one.text in line for one in ALLOWED)


def prose_length(line: str) -> int:
    """Length of a line of Markdown without the targets of its links; 0 for rows of tables."""
    return 0 if line.lstrip().startswith("|") else len(re.sub(r"\]\([^)]*\)", "]", line))


def compiled(word: Word) -> re.Pattern[str]:
    """Matches the word, also with a capital at the beginning of a sentence."""
    first, rest = word.pattern[0], word.pattern[1:]
    pattern = f"[{first.upper()}{first}]{rest}" if first.isalpha() and first.islower() else word.pattern
    before = "" if pattern.startswith(r"\.") else r"(?<![\w-])"
    return re.compile(rf"{before}(?:{pattern})(?![\w])")


COMPILED = [(compiled(word), word) for word in WORDS]

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
