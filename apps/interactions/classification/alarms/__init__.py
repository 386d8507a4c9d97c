"""Alarms: what always goes to a person, whatever the boundary says. A brand may add words, never take any away.

One readable list an alarm (`injury.txt` …), so that anyone can see why a message was held. A line is a phrase:
`burn*` any ending, `this/that` either, `..` up to six words between, `@body` a group that `groups.txt` names, and
`-- except …` what may not follow. The lists are made to miss little and not to be exact: a false alarm costs a
person a minute, a missed one may cost a customer much more.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from apps.policies.facts import ALARMS

REPEATED_CONTACTS = 3  # the third contact on one matter: counted, not read
READ = tuple(alarm for alarm in ALARMS if alarm != "repeated")
IN_WORDS = {
    "injury": "somebody may have been hurt or made ill",
    "legal": "it mentions lawyers, courts or a regulator",
    "privacy": "it is about personal data",
    "press": "the press or somebody with an audience may be involved",
    "harm": "it speaks of self-harm or of violence",
    "fraud": "it speaks of fraud or of a stolen account",
    "repeated": f"the customer has written at least {REPEATED_CONTACTS} times about this",
}
_LISTS = Path(__file__).parent
_GAP = r"(?:\W+\w+){0,6}?"
_BETWEEN_WORDS = r"\W+"


def alarms_in(text: str, brands_own: Mapping[str, Sequence[str]] | None = None) -> frozenset[str]:
    """The alarms that a text sets off; `brands_own` are a brand's own words, by alarm."""
    plain = text.replace("’", "'")
    found = {alarm for alarm, pattern in _patterns().items() if pattern.search(plain)}
    folded = plain.casefold()
    for alarm, words in (brands_own or {}).items():
        if any(word.casefold() in folded for word in words):
            found.add(alarm)
    return frozenset(found)


@lru_cache(maxsize=1)
def _patterns() -> Mapping[str, re.Pattern[str]]:
    groups = dict(line.split(": ", 1) for line in _lines("groups"))
    return {
        alarm: re.compile("|".join(as_pattern(line, groups) for line in _lines(alarm)), re.IGNORECASE) for alarm in READ
    }


def _lines(name: str) -> list[str]:
    lines = (_LISTS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def as_pattern(line: str, groups: Mapping[str, str]) -> str:
    """A phrase of the lists as a regular expression."""
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
