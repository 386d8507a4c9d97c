"""Lists of phrases that anyone can read, as patterns: what an alarm, a state or a promise sounds like.

A line is a phrase: `burn*` any ending, `this/that` either, `this_one` words that belong together, `..` up to six words
between, `@body` a group of words, `-- except …` words that may not follow. `[key]` starts the list of a key, `#` a remark.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

_GAP = r"(?:\W+\w+){0,6}?"
_BETWEEN_WORDS = r"\W+"


def read_lists(path: Path, groups: Mapping[str, str] | None = None) -> dict[str, re.Pattern[str]]:
    """The lists of a file by key; a file without keys is one list, named like the file."""
    key, phrases = path.stem, defaultdict[str, list[str]](list)
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            key = line.strip("[] ")
        elif line.strip() and not line.startswith("#"):
            phrases[key].append(as_pattern(line.strip(), groups or {}))
    return {key: re.compile("|".join(patterns), re.IGNORECASE) for key, patterns in phrases.items()}


def read_groups(path: Path) -> dict[str, str]:
    """Groups of words, each on a line: `body: skin face eye`."""
    return dict(line.split(": ", 1) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())


def as_pattern(line: str, groups: Mapping[str, str]) -> str:
    """One phrase as a regular expression."""
    phrase, _, unless = line.partition(" -- except ")
    pattern, glue = "", ""
    for word in phrase.split():
        if word == "..":
            pattern, glue = pattern + _GAP, _BETWEEN_WORDS
            continue
        pattern, glue = pattern + glue + _alternatives(word, groups), _BETWEEN_WORDS
    after = rf"(?!\W+(?:{'|'.join(_alternatives(word, groups) for word in unless.split())}))" if unless else ""
    return rf"(?<!\w){pattern}(?!\w){after}"


def _alternatives(word: str, groups: Mapping[str, str]) -> str:
    if word.startswith("@"):
        word = "/".join(groups[word[1:]].split())
    ways = (re.escape(way).replace(r"\*", r"[\w']*").replace("_", r"\W+") for way in word.split("/"))
    return f"(?:{'|'.join(ways)})"
