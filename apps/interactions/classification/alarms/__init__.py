"""Alarms: what always goes to a person, whatever the boundary says. A brand may add words, never take any away.

One readable list an alarm (`lists/injury.txt` …, see `phrases.py`), so that anyone can see why a message was held, and a
model trained on messages written for it (`corpus/`), which finds what is said in other words (`detecting.py`). Both are made
to miss little and not to be exact: a false alarm costs a person a minute, a missed one may cost a customer much more.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from apps.interactions.phrases import read_groups, read_lists
from apps.policies.facts import ALARMS

REPEATED_CONTACTS = 3  # the third contact on one matter: counted, not read
READ = tuple(alarm for alarm in ALARMS if alarm != "repeated")
IN_WORDS = {
    "injury": "somebody may have been hurt or made ill",
    "legal": "it may be about lawyers, courts or a regulator",
    "privacy": "it may be a request about personal data",
    "press": "the press or somebody with an audience may be involved",
    "harm": "it may speak of self-harm or of violence",
    "fraud": "it may be about fraud or a stolen account",
    "repeated": f"the customer has written at least {REPEATED_CONTACTS} times about this",
}
_LISTS = Path(__file__).parent / "lists"


def listed(text: str, brands_own: Mapping[str, Sequence[str]] | None = None) -> frozenset[str]:
    """The alarms whose list has a phrase of the text; `brands_own` are a brand's own words, by alarm."""
    return frozenset(phrases_in(text, brands_own))


def phrases_in(text: str, brands_own: Mapping[str, Sequence[str]] | None = None) -> dict[str, str]:
    """The same, each with the first words of the text that set it off."""
    plain = text.replace("’", "'")
    found = {alarm: match[0] for alarm, pattern in _patterns().items() if (match := pattern.search(plain))}
    folded = plain.casefold()
    for alarm, words in (brands_own or {}).items():
        own = next((word for word in words if word.casefold() in folded), None)
        if own is not None:
            found.setdefault(alarm, own)
    return found


def reason(alarm: str, phrase: str | None) -> str:
    """Why a message with this alarm goes to a person: by words of it (`phrase`), or, without any, as the model reads it."""
    if alarm == "repeated":
        return IN_WORDS[alarm]
    return f"{IN_WORDS[alarm]} ({f'“{phrase}”' if phrase else 'by the way it is written, not by single words'})"


@lru_cache(maxsize=1)
def _patterns() -> Mapping[str, re.Pattern[str]]:
    groups = read_groups(_LISTS / "groups.txt")
    return {alarm: read_lists(_LISTS / f"{alarm}.txt", groups)[alarm] for alarm in READ}
