"""What a reply claims: every amount, share, date, time, length of time, number, link, name, state and promise in it.

Pure reading of a text. Whether a claim holds is asked in `grounding.py`. A claim that is missed can leave unseen, so
the patterns take in too much rather than too little.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from apps.interactions.phrases import read_lists


@dataclass(frozen=True, slots=True)
class Claim:
    """A span of a text that says something: `kind`, its words, and what they mean in `value`, such as a state's key."""

    kind: str
    start: int
    end: int
    words: str
    value: str = ""


MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
          "november", "december")  # fmt: skip
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_COUNTED = (
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen"
)
COUNT_WORDS = {word: number for number, word in enumerate(_COUNTED.split(" "), 2)} | {
    "twice": 2, "twenty": 20, "thirty": 30, "forty": 40, "sixty": 60, "ninety": 90, "hundred": 100, "dozen": 12,
}  # fmt: skip

_MONTH = rf"(?:(?:{'|'.join(MONTHS)})\b|(?:{'|'.join(name[:3] for name in MONTHS)}|sept)\b\.?)"
_HALF_OF_DAY = r"am|pm|a\.m\.|p\.m\."
CURRENCIES = ("USD", "EUR", "GBP", "CAD", "AUD", "CHF", "JPY")
_CODES = "|".join(CURRENCIES)
_NUMBER = r"\d+(?:[.,]\d+)*"
_COUNT = rf"(?:\d+|{'|'.join(word for word in COUNT_WORDS if word != 'twice')}|an?|one|a\s+few|a\s+couple\s+of|several)"
_UNIT = r"(?:business|working|calendar|full|week)?\s*-?(?:minute|hour|day|week|month|year|night)s?\b"

# In this order: what an earlier pattern took is not read again by a later one.
_PATTERNS: tuple[tuple[str, str], ...] = (
    ("link", r"https?://\S+|www\.\S+|\b[\w.+-]+@[\w-]+\.\w[\w.]*|\b[\w-]+\.(?:com|net|org|io|co\.uk|shop|example)\b\S*"),
    ("phone", r"(?<!\w)\+?\(?\d{2,4}\)?(?:[ -]\d{2,4}){2,}\b"),
    ("amount", rf"[$€£¥]\s?{_NUMBER}|\b(?:{_CODES})\s?{_NUMBER}|"
               rf"\b{_NUMBER}\s?(?:{_CODES}|dollars?|euros?|pounds?|[€£])(?!\w)"),
    ("share", rf"\b{_NUMBER}\s?(?:%|per\s?cent\b)|\bhalf\s+(?:of\s+)?(?:the|your|price)\b"),
    ("date", rf"\b\d{{4}}-\d{{2}}-\d{{2}}\b|\b\d{{1,2}}[./]\d{{1,2}}(?:[./]\d{{2,4}})?\b(?!\s?(?:USD|EUR|GBP|[$€£]))|"
             rf"\b\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}(?:,?\s+\d{{4}}\b)?|"
             rf"\b{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s+\d{{4}}\b)?"),
    ("weekday", rf"\b(?:{'|'.join(day.capitalize() for day in DAYS)})\b"),
    ("near day", r"\b(?:today|tonight|tomorrow|yesterday|this\s+(?:morning|afternoon|evening|week|weekend)|"
                 r"(?:next|last)\s+(?:week|night|month))\b"),
    ("time", rf"\b\d{{1,2}}[:.]\d{{2}}\s?(?:{_HALF_OF_DAY})?|\b\d{{1,2}}\s?(?:{_HALF_OF_DAY}|o'clock)(?!\w)"),
    ("length", rf"\b{_COUNT}(?:\s*(?:to|-|–|or)\s*{_COUNT})?\s*-?{_UNIT}|\b(?:overnight|immediately|instantly|"
               r"(?:right|straight)\s+away|within\s+the\s+hour|same[- ]day|next[- ]day)\b"),
    ("number", r"#\s?\w*\d\w*|\b[A-Za-z]{0,5}-?\d[\w-]*\b|\b(?:" + "|".join(COUNT_WORDS) + r")\b"),
)  # fmt: skip
_READ = re.compile("|".join(f"(?P<k{place}>{pattern})" for place, (_, pattern) in enumerate(_PATTERNS)), re.IGNORECASE)

_LISTS = Path(__file__).parent
_STATE = read_lists(_LISTS / "states.txt")
_PROMISE = read_lists(_LISTS / "promises.txt")
_SAID_BY_A_NO = frozenset({"no refund", "preparing", "sold out", "deny"})
_NOES = "not no never cannot can't couldn't won't isn't wasn't hasn't haven't aren't don't didn't unable without nor"
_GAP = r"(?:(?!\s-\s)[^\w,;:–—()])+"  # a comma, a colon or a dash ends what a "not" is about: "not to worry: it was delivered"
_NEGATED = re.compile(
    rf"\b(?:{_NOES.replace(' ', '|')}){_GAP}(?:\w+{_GAP}){{0,4}}$|"
    r"\b(?:nothing|nobody|none)\s+(?:has|have|is|are|was|were)\s+(?:been\s+)?$", re.I,
)  # fmt: skip
_CONDITIONAL = re.compile(
    r"\b(?:when|once|as soon as|after|if|until|before|unless|whether|while|should)\b[^.!?;:]{0,60}$", re.I
)
_WORD = re.compile(r"(?<!\w)[^\W\d_]+(?:['’-][^\W\d_]+)*(?!\w)")
_STARTS = re.compile(r"(?:^|[.!?:]\s+|\n\s*|[“\"(]\s*)$")


def claims_in(text: str) -> list[Claim]:
    """Every claim but names, in the order of the text."""
    read = [
        Claim(_PATTERNS[int(str(found.lastgroup)[1:])][0], *found.span(), found[0])
        for found in _READ.finditer(text)
        if found[0].strip().lower() not in ("may",)
    ]
    return sorted([*read, *_states(text), *_promises(text)], key=lambda claim: (claim.start, claim.end))


def _states(text: str) -> Iterator[Claim]:
    """A state that the text says is so, or (`not …`) is not so. What is only a condition claims nothing."""
    for key, pattern in _STATE.items():
        for found in pattern.finditer(text):
            before = _sentence_before(text, found.start())
            if _CONDITIONAL.search(before):
                continue
            negated = key not in _SAID_BY_A_NO and bool(_NEGATED.search(before))
            yield Claim("state", *found.span(), found[0], f"not {key}" if negated else key)


def _promises(text: str) -> Iterator[Claim]:
    """Offers, and what is reported as done, by the action it would take; "anything" is never supported."""
    for key, pattern in _PROMISE.items():
        for found in pattern.finditer(text):
            if key in _SAID_BY_A_NO or not _NEGATED.search(_sentence_before(text, found.start())):
                yield Claim("promise", *found.span(), found[0], key)


def capitalised(text: str) -> Iterator[tuple[re.Match[str], bool]]:
    """Words that may be names: each with a capital, and whether it starts a sentence, where any word has one."""
    for found in _WORD.finditer(text):
        if found[0][0].isupper():
            yield found, bool(_STARTS.search(text[: found.start()]))


def _sentence_before(text: str, end: int) -> str:
    start = max(text.rfind(mark, 0, end) for mark in (". ", "! ", "? ", "\n", ".\n"))
    return text[start + 1 : end]
