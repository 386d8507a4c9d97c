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
_FRIENDLY = frozenset("👍👌🙏🙂😊😀😃😄😁😍🥰🤗☺❤♥💛💚💙💜🧡💕👏🙌🎉✅💯✨🌟")


def asks_nothing(text: str, names: Iterable[str] = ()) -> bool:
    """Only thanks, assent, greetings, good news ("it arrived") and the given names. A question mark or any other word
    asks."""
    return _consists_of(text, ("thanks", "assent", "news"), names)


def tells_nothing(text: str, names: Iterable[str] = ()) -> bool:
    """The same without news: while something is to be decided, "it arrived" may change it."""
    return _consists_of(text, ("thanks", "assent"), names)


def only_thanks(text: str, names: Iterable[str] = ()) -> bool:
    """Only thanks and greetings: no answer to a question, as "ok" or 👍 may be one."""
    return _consists_of(text, ("thanks",), names)


def _consists_of(text: str, lists: tuple[str, ...], names: Iterable[str]) -> bool:
    symbols = {sign for sign in text if unicodedata.category(sign) == "So"}
    if len(text) > _LONGEST or _QUESTION.search(text) or symbols - _FRIENDLY:
        return False
    words = text.replace("’", "'")
    if not _WORD.search(words):
        return bool(symbols) and "assent" in lists
    if not any(_LISTS[key].search(words) for key in lists):
        return False
    for name in names:
        words = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", " ", words, flags=re.IGNORECASE)
    for key in (*lists, "greeting"):
        words = _LISTS[key].sub(" ", words)
    return not _WORD.search(words)
