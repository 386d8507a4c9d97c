"""Unwritten exceptions: what people keep deciding otherwise, and what such cases have in common.

unwritten(decided)            pure: "damaged beats the window: 31 times, 3 people", the most frequent first
decided_in(partners, since)   what people decided, with the facts as they were known then
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

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
    """`times` that people did `final` instead of `proposed` for a reason, `people` of them; `condition` is what such cases have
    in common and others of the type do not (None: nothing that a fact says), `alike` how many cases meet it in all."""

    case_type: str
    proposed: str
    final: str
    code: str
    times: int
    people: int
    condition: Condition | None
    alike: int
    words: str


def unwritten(decided: Sequence[Decided]) -> list[Unwritten]:
    """Overrides by type, actions and reason, those of several people only; the most frequent first."""
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
    often = {
        kind: places for kind, places in kinds.items()
        if len(places) >= FEWEST and len({group[place].by for place in places}) >= FEWEST_PEOPLE
    }  # fmt: skip
    if not often:
        return []
    tried = conditions_tried([Example(one.facts, None, False) for one in group], granting=False)
    return [_exception(group, kind, places, tried) for kind, places in often.items()]


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
    words = next((one.words for one in reversed(rows) if one.words), "")
    return Unwritten(rows[0].case_type, *kind, len(rows), len({one.by for one in rows}), best[1], best[2], words)


def decided_in(partners: Sequence[Partner], since: datetime) -> list[Decided]:
    rows = Signal.objects.filter(partner__in=partners, at__gte=since).select_related("decision__ruling__partner")
    return [
        Decided(row.case_type, row.proposed_action, row.final_action, row.reason_code, str(row.by_id),
                facts, row.decision.rationale)
        for row in rows.order_by("-at")[:MOST_READ] if (facts := precedents.known_facts_of(row.decision.ruling)) is not None
    ]  # fmt: skip
