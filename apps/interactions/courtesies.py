"""Messages that ask nothing: "thank you!" after an answer opens no case, closes none and answers no question."""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from apps.interactions.phrases import read_lists

_LISTS = read_lists(Path(__file__).with_name("courtesies.txt"))
_WORD = re.compile(r"\w")
_LONGEST = 200  # characters; whoever writes more says something
_QUESTION = re.compile(r"[?¿？]")


def asks_nothing(text: str, names: Iterable[str] = ()) -> bool:
    """Only thanks, greetings and words of assent, and the given names. A question mark or any other word asks."""
    return _consists_of(text, ("thanks", "assent", "greeting"), names, needs=("thanks", "assent"))


def only_thanks(text: str, names: Iterable[str] = ()) -> bool:
    """Only thanks and greetings: no answer to a question, as "ok" may be one."""
    return _consists_of(text, ("thanks", "greeting"), names, needs=("thanks",))


def _consists_of(text: str, lists: Iterable[str], names: Iterable[str], *, needs: Iterable[str]) -> bool:
    if len(text) > _LONGEST or _QUESTION.search(text):
        return False
    words = text.replace("’", "'")
    if not any(_LISTS[name].search(words) for name in needs):
        return "assent" in needs and not _WORD.search(words) and any(unicodedata.category(c) == "So" for c in words)
    for name in names:
        words = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", " ", words, flags=re.IGNORECASE)
    for key in lists:
        words = _LISTS[key].sub(" ", words)
    return not _WORD.search(words)
