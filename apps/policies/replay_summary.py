"""What a replay means, in figures: flips, the rate, money, agreement of blind decisions, people's hours and waits."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from apps.policies.replay import CASE_TYPES, EXAMPLES, Replayed, handlers, moment
from apps.policies.simulating import Asked
from apps.policies.words import Handler

HANDLERS = tuple(Handler.values)
LEAST_BLIND = 30  # decisions: below this the bound says nothing worth reading


class Unseen(NamedTuple):
    """Whether the proposal was right, as far as it was judged unseen, and whose case it was."""

    right: bool
    customer: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known beside the rulings. `blind` says of a ruling's id what came of judging it unseen; `seconds` how long
    people took by type; `people` how many decided in each hour of the day; `past` are cases that brands brought along, with
    what people did in them."""

    blind: Mapping[int, Unseen] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    people: Sequence[float] = (0.0,) * 24
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    past: Sequence[Asked] = ()


def summarise(replayed: Replayed, evidence: Evidence, *, since: float = 0.0, active_id: int = -1) -> dict[str, Any]:
    """The result as it is stored with the version and shown on its page. What lies before `since` (seconds since 1970)
    was ruled only so that limits of several days know what they had given."""
    period = replayed.arrays["at"] >= since
    said = ~replayed.cannot_say & period
    before, after = replayed.before.alone & said, replayed.after.alone & said
    count = int(said.sum())
    return {
        "rulings": int(period.sum()),
        "cannot_say": {"count": int((replayed.cannot_say & period).sum()), "facts": dict(replayed.unrecorded)},
        "exact": {"checked": replayed.checked, "wrong": len(replayed.wrong), "examples": replayed.wrong[:EXAMPLES]},
        "ended": _ended(replayed, period & (replayed.arrays["version"] == active_id)),
        "rate": {"before": _percent(before, count), "after": _percent(after, count)},
        "flips": _flips(replayed, said),
        "kept_back": int(((replayed.after.strictness == 0) & (replayed.before.strictness > 0) & ~after & said).sum()),
        "money": _money(replayed, before, after),
        "blind": _blind(replayed, after & ~before, evidence.blind),
        "hours": _hours(replayed, before, after, said, evidence),
    }


def _ended(replayed: Replayed, rows: NDArray[np.bool_]) -> dict[str, Any]:
    """Rulings of the active version whose case ended with another handler than the replay gives it: a limit was looked
    at while something was under way, or a refund was given back. They are counted, and not hidden in the rate."""
    differs = rows & (replayed.arrays["handler"] != handlers(replayed.before))
    examples = [int(ruling) for ruling in replayed.arrays["id"][differs][:EXAMPLES]]
    return {"checked": int(rows.sum()), "differ": int(differs.sum()), "examples": examples}


def _percent(mask: NDArray[np.bool_], count: int) -> float | None:
    return round(100 * float(mask.sum()) / count, 2) if count else None


def _flips(replayed: Replayed, said: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Cases that another handler would have had, by type, rules and handlers, the most frequent first."""
    was, is_now = handlers(replayed.before), handlers(replayed.after)
    groups: defaultdict[tuple[str, str, str, str, str], list[int]] = defaultdict(list)
    for row in np.nonzero((was != is_now) & said)[0].tolist():
        key = (CASE_TYPES[replayed.arrays["case type"][row]], replayed.before.rules[row], HANDLERS[was[row]],
               replayed.after.rules[row], HANDLERS[is_now[row]])  # fmt: skip
        groups[key].append(row)
    found = []
    for (case_type, old_rule, old, new_rule, new), rows in sorted(groups.items(), key=lambda item: -len(item[1])):
        examples = [int(replayed.arrays["id"][row]) for row in rows[:EXAMPLES]]
        found.append({"case_type": case_type, "rule_before": old_rule, "before": old, "rule_after": new_rule,
                      "after": new, "count": len(rows), "examples": examples})  # fmt: skip
    return found


def _money(replayed: Replayed, before: NDArray[np.bool_], after: NDArray[np.bool_]) -> dict[str, dict[str, str]]:
    """Money that moves without a person, by currency."""
    currencies = np.array(replayed.texts["currency"], object)
    found = {}
    for currency in sorted(set(replayed.texts["currency"]) - {""}):
        of_currency = currencies == currency
        cents = [int(replayed.arrays["amount"][side & of_currency].sum()) for side in (before, after)]
        if any(cents):
            found[currency] = {"before": str(_units(cents[0])), "after": str(_units(cents[1]))}
    return found


def _units(cents: int) -> Decimal:
    return (Decimal(cents) / 100).quantize(Decimal("0.01"))


def _blind(replayed: Replayed, newly: NDArray[np.bool_], blind: Mapping[int, Unseen]) -> dict[str, Any]:
    """How often blind judgements had agreed with the AI on the cases that would newly be its own; a customer counts once, the
    worst of their cases."""
    judged = [blind[int(ruling)] for ruling in replayed.arrays["id"][newly].tolist() if int(ruling) in blind]
    customers = {one.customer for one in judged}
    errors = len({one.customer for one in judged if not one.right})
    found: dict[str, Any] = {
        "cases": len(judged), "agreed": sum(one.right for one in judged), "customers": len(customers),
        "enough": len(customers) >= LEAST_BLIND,
    }  # fmt: skip
    if found["enough"]:
        found["error_below"] = round(100 * upper_bound(errors, len(customers)), 2)
    return found


def upper_bound(errors: int, cases: int, confidence: float = 0.95) -> float:
    """The exact one-sided bound of a share (Clopper and Pearson 1934): errors/cases is below it, at this confidence."""
    return 1.0 if errors >= cases else float(beta.ppf(confidence, errors + 1, cases - errors))


def _hours(
    replayed: Replayed, before: NDArray[np.bool_], after: NDArray[np.bool_], said: NDArray[np.bool_], evidence: Evidence
) -> dict[str, Any]:
    """People's work by hour of the day under both versions, and how long a case would wait at today's staffing."""
    known = [evidence.seconds[name] for name in evidence.seconds]
    usual = float(np.median(known)) if known else 0.0
    by_type = np.array([evidence.seconds.get(name, usual) for name in CASE_TYPES])
    if not len(said) or not known:
        return {"known": False, "rows": []}
    seconds = by_type[replayed.arrays["case type"].astype(int)]
    at = replayed.arrays["at"]
    hour_of = _hour_of_day(at, evidence.zone)
    days = max(1.0, (float(at[said].max()) - float(at[said].min())) / 86_400) if said.any() else 1.0
    rows = []
    waits = [_waits(at, seconds, ~side & said, evidence) for side in (before, after)]
    for hour in range(24):
        work = [float(seconds[~side & said & (hour_of == hour)].sum()) / 3600 / days for side in (before, after)]
        wait = [_mean(times[hour_of[~side & said] == hour]) for times, side in zip(waits, (before, after), strict=True)]
        rows.append({"hour": hour, "before": round(work[0], 2), "after": round(work[1], 2),
                     "people": round(evidence.people[hour], 1), "wait_before": wait[0], "wait_after": wait[1]})  # fmt: skip
    saved = float(seconds[after & said].sum() - seconds[before & said].sum()) / 3600
    return {"known": True, "zone": evidence.zone.key, "saved_hours": round(saved, 1), "rows": rows}


def _mean(seconds: NDArray[np.float64]) -> float | None:
    """Minutes, or None when no case came in that hour or nobody would ever have taken it."""
    finite = seconds[np.isfinite(seconds)]
    return round(float(finite.mean()) / 60, 1) if len(finite) and len(finite) == len(seconds) else None


def _hour_of_day(at: NDArray[np.float64], zone: ZoneInfo) -> NDArray[np.int64]:
    hours, places = np.unique(at.astype(np.int64) // 3600, return_inverse=True)
    local = np.array([moment(int(hour) * 3600).astimezone(zone).hour for hour in hours], np.int64)
    return local[places]


def _waits(
    at: NDArray[np.float64], seconds: NDArray[np.float64], to_people: NDArray[np.bool_], evidence: Evidence
) -> NDArray[np.float64]:
    """Seconds each case that goes to people would wait, first come first served, as a flow: work arrives with the
    cases, and in each hour as much is done as the people of that hour can do."""
    rows = np.nonzero(to_people)[0]
    order = np.argsort(at[rows], kind="stable")
    arrivals, work = at[rows][order], seconds[rows][order]
    if not len(rows):
        return np.zeros(0)
    first = int(arrivals[0] // 3600)
    hours = np.arange(first, int(arrivals[-1] // 3600) + 1 + 24 * 7)
    capacity = np.array(evidence.people)[_hour_of_day(hours.astype(np.float64) * 3600, evidence.zone)] * 3600
    arrived = np.bincount((arrivals // 3600).astype(int) - first, weights=work, minlength=len(hours))
    done, total, clock = np.zeros(len(hours) + 1), 0.0, np.append(hours, hours[-1] + 1) * 3600.0
    for place, (new, able) in enumerate(zip(np.cumsum(arrived), capacity, strict=True), start=1):
        total = min(float(new), total + float(able))
        done[place] = total
    asked = np.cumsum(work)
    served = np.interp(asked, done, clock, right=np.inf)
    served[asked > done[-1] + 1e-6] = np.inf
    waits = np.maximum(0.0, served - arrivals - work)
    result = np.empty(len(rows))
    result[order] = waits
    return result
