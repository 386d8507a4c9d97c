"""Unwritten exceptions: what people keep deciding otherwise, and what such cases have in common.

unwritten(decided)            pure: "damaged beats the window: 31 times, 3 people", the most frequent first
decided_in(partners, since)   what people decided, with the facts as they were known then
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from apps.interactions import precedents
from apps.learning.mining import conditions_tried
from apps.learning.models import Signal
from apps.learning.region import Example
from apps.policies.columns import Mask
from apps.policies.conditions import Condition
from apps.policies.facts import Value
from apps.policies.models import Partner
from apps.policies.words import Action

FEWEST, FEWEST_PEOPLE = 5, 2
COMMON = 0.8  # of such decisions share what is named
OFTENER = 1.5  # times as often as in the other cases of the type
MOST_WORDS = 5  # that decisions of one kind are parted by
_WORD = re.compile(r"[^\W\d_]{4,}")
MOST_READ = 3_000  # the latest decisions: the page waits for it


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision of a person: what was proposed, what was done instead (or the same), why, by whom."""

    case_type: str
    proposed: str
    final: str
    code: str
    by: str
    facts: Mapping[str, Value | None]
    words: str = ""


@dataclass(frozen=True, slots=True)
class Unwritten:
    """`times` that people did `final` instead of `proposed` for a reason, `people` of them; `word` is one that they gave it in
    (empty: none that they share); `condition` is what such cases have in common and others of the type do not (None: nothing
    that a fact says), `alike` how many cases meet it in all, `words` the latest reason in full."""

    case_type: str
    proposed: str
    final: str
    code: str
    times: int
    people: int
    condition: Condition | None
    alike: int
    words: str
    word: str = ""


def unwritten(decided: Sequence[Decided]) -> list[Unwritten]:
    """Overrides by type, actions, reason and the words it was given in, those of several people only; the most frequent
    first."""
    by_type: defaultdict[str, list[Decided]] = defaultdict(list)
    for one in decided:
        by_type[one.case_type].append(one)
    found = [exception for group in by_type.values() for exception in _of_type(group)]
    return sorted(found, key=lambda one: (-one.times, one.case_type, one.code))


def _of_type(group: Sequence[Decided]) -> list[Unwritten]:
    kinds: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    for place, one in enumerate(group):
        if one.final not in (one.proposed, Action.ASK_CUSTOMER):
            kinds[one.proposed, one.final, one.code].append(place)
    often = [
        (kind, word, places)
        for kind, of_kind in kinds.items() for word, places in _by_word(group, of_kind) if _is_often(group, places)
    ]  # fmt: skip
    if not often:
        return []
    tried = conditions_tried([Example(one.facts, None, False) for one in group], granting=False)
    return [replace(_exception(group, kind, places, tried), word=word) for kind, word, places in often]


def _is_often(group: Sequence[Decided], places: Sequence[int]) -> bool:
    return len(places) >= FEWEST and len({group[place].by for place in places}) >= FEWEST_PEOPLE


def _by_word(group: Sequence[Decided], places: Sequence[int]) -> list[tuple[str, list[int]]]:
    """Decisions of one kind and code parted by the word that most of them were given in, then by the next; what is left has
    none. A word has to be of several people, and twice as frequent as in what was written about other decisions of the type."""
    said = [_words_of(one.words) for one in group]
    inside = set(places)
    elsewhere = [words for place, words in enumerate(said) if words and place not in inside]
    common = Counter(word for words in elsewhere for word in words)
    found, left = [], list(places)
    for _ in range(MOST_WORDS):
        counts = Counter(word for place in left for word in said[place])
        told = [
            (word, [place for place in left if word in said[place]])
            for word, count in counts.items() if count / len(left) >= 2 * common[word] / max(1, len(elsewhere))
        ]  # fmt: skip
        told = [(word, where) for word, where in told if _is_often(group, where)]
        if not told:
            break
        word, where = max(told, key=lambda one: (len(one[1]), one[0]))
        found.append((word, where))
        left = [place for place in left if word not in said[place]]
        if not left:
            break
    return [*found, ("", left)]


def _words_of(text: str) -> frozenset[str]:
    """Its longer words in lower case, without those that say nothing."""
    return frozenset(str(word) for word in _WORD.findall(text.casefold())) - frozenset(ENGLISH_STOP_WORDS)


def _exception(
    group: Sequence[Decided], kind: tuple[str, str, str], places: Sequence[int], tried: Sequence[tuple[Condition, Mask]]
) -> Unwritten:
    is_one = np.zeros(len(group), np.bool_)
    is_one[list(places)] = True
    best: tuple[float, Condition | None, int] = (0.0, None, len(group))
    for condition, mask in tried:
        share, elsewhere = mask[is_one].mean(), (mask[~is_one].sum() + 1) / ((~is_one).sum() + 2)
        gain = float(mask[is_one].sum() * math.log(max(share, 1e-9) / elsewhere))
        if condition.operator != "is not" and share >= max(COMMON, OFTENER * elsewhere) and gain > best[0]:
            best = (gain, condition, int(mask.sum()))
    rows = [group[place] for place in places]
    words = next((one.words for one in rows if one.words), "")
    return Unwritten(rows[0].case_type, *kind, len(rows), len({one.by for one in rows}), best[1], best[2], words)


def decided_in(partners: Sequence[Partner], since: datetime) -> list[Decided]:
    """The newest first."""
    rows = Signal.objects.filter(partner__in=partners, at__gte=since).select_related("decision__ruling__partner")
    return [
        Decided(row.case_type, row.proposed_action, row.final_action, row.reason_code, str(row.by_id),
                facts, row.decision.rationale)
        for row in rows.order_by("-at")[:MOST_READ] if (facts := precedents.known_facts_of(row.decision.ruling)) is not None
    ]  # fmt: skip
