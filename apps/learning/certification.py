"""Certification: is the AI wrong less often than a stated target in a region, as far as judgements can prove it?

Pure. The unit is the customer or the joint decision, wrong when any case of it is; a region whose single cases are
wrong more often than the target is never certified either. It follows Learn-then-Test (Angelopoulos, Bates, Candès,
Jordan, Lei, arXiv 2110.01052): each candidate region is a hypothesis "wrong more often than `target`", and a region is
certified when its hypothesis is rejected with control over all that are tested.

What holds it: the regions and their order are fixed before these judgements are looked at (they were mined from others), the
judgements are a random share of the region's cases, and reports come at times that are set beforehand. Each that
tests anything counts, whether it proposes or not: to look until it fits is to spend α without saying so.

    clusters_of(judged)             judgements that hang together count once, the worst of them
    certify(chains, …)              one report: its share of α over the chains, and along a chain in fixed sequence
    bound(wrong, n, alpha)          the exact binomial upper bound (Clopper and Pearson, 1934)
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from scipy.special import betaincinv
from scipy.stats import hypergeom

ALPHA = 0.05  # over a boundary's whole life: the chance that any certificate is wrong
MOST_OF_ONE = 0.5  # of the clusters may come from one supervisor
MOST_OF_A_DAY = 0.25  # a burst: what happens at once often has one cause
FEWEST_CUSTOMERS, FEWEST_DAYS, FEWEST_SUPERVISORS = 30, 5, 2
_LOOKED_AHEAD = 100_000  # judgements; more than that is "out of reach"


@dataclass(frozen=True, slots=True)
class Judged:
    """One case that somebody judged without seeing what the AI proposed. `customer` is empty when nobody knows who wrote;
    `joint` marks many judged by one act; `money` is what was at stake, in the boundary's currency. `probability` is the
    chance with which it was drawn, `least` the smallest that any case of its type and action had then in the boundary, and
    `place` (0 to 1) its place in a draw that thins it out."""

    case: str
    customer: str
    by: str
    on: date
    wrong: bool
    money: Decimal = Decimal(0)
    joint: str = ""
    partner: str = ""
    probability: float = 1.0
    least: float = 1.0
    place: float = 0.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """Judgements that hang together, by customer or joint decision: one trial, wrong when any of them is."""

    judged: tuple[Judged, ...]

    @property
    def wrong(self) -> bool:
        return any(one.wrong for one in self.judged)

    @property
    def by(self) -> str:
        """Who judged it; of several, whoever judged most."""
        if len(self.judged) == 1:
            return self.judged[0].by
        return Counter(one.by for one in self.judged).most_common(1)[0][0]


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was found of one region. Certified when `reasons` is empty. `alpha` is what this test was allowed."""

    clusters: int
    wrong: int
    bound: float
    bound_without_largest: float
    target: float
    alpha: float
    customers: int
    days: int
    supervisors: int
    judgements: int
    capped: int
    money_at_stake: Decimal
    money_wrong: Decimal
    reasons: tuple[str, ...]
    more_needed: int | None

    @property
    def certified(self) -> bool:
        return not self.reasons

    @property
    def money_share(self) -> float:
        """What was wrong, weighted by money: an estimate, not a bound."""
        return float(self.money_wrong / self.money_at_stake) if self.money_at_stake else 0.0


def bound(wrong: int, n: int, alpha: float) -> float:
    """The largest error rate under which so few wrong in n would not be rarer than `alpha`. Without a trial: 1."""
    if n == 0 or wrong >= n:
        return 1.0
    return float(betaincinv(wrong + 1, n - wrong, 1 - alpha))


def alpha_of_report(number: int, alpha: float = ALPHA) -> float:
    """What the report of this number (from 1) may spend: 6α/(π²k²), which over all reports adds up to α."""
    return 6 * alpha / (math.pi**2 * number**2)


def clusters_of(judged: Iterable[Judged]) -> list[Cluster]:
    """One cluster a customer of a brand and a joint decision; what shares either hangs together. Whoever writes without being
    known may be one person: of a brand and a day they are one. In the order of their first case."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    def owner(one: Judged) -> str:
        return f"customer {one.partner}/{one.customer}" if one.customer else f"unknown {one.partner}/{one.on}"

    rows = list(judged)
    for one in rows:
        if one.joint:
            parent[root(f"joint {one.joint}")] = root(owner(one))
    groups: defaultdict[str, list[Judged]] = defaultdict(list)
    for one in rows:
        groups[root(owner(one))].append(one)
    return [Cluster(tuple(group)) for group in groups.values()]


def capped(
    clusters: Sequence[Cluster], of: Callable[[Cluster], object], most: float, beside: Callable[[Cluster], object],
    *, wrong_first: bool = True,
) -> list[Cluster]:  # fmt: skip
    """None that `of` names, a supervisor or a day, makes up more than `most` of what counts. Of the one that does, what was
    found wrong is kept first, or last, so that a cap never speaks for what is to be shown; then what is rare by `beside`."""
    counts, crowd = Counter(map(of, clusters)), Counter(map(beside, clusters))
    allowed = dict(counts)
    while counts:
        name, count = counts.most_common(1)[0]
        most_of_it = math.floor((counts.total() - count) * most / (1 - most))
        if count <= most_of_it:
            break
        counts[name] = allowed[name] = most_of_it
    kept: set[int] = set()
    for cluster in sorted(clusters, key=lambda cluster: (cluster.wrong != wrong_first, crowd[beside(cluster)])):
        if allowed[of(cluster)]:
            allowed[of(cluster)] -= 1
            kept.add(id(cluster))
    return [cluster for cluster in clusters if id(cluster) in kept]


def counting(judged: Sequence[Judged], *, wrong_first: bool = True) -> list[Cluster]:
    """The clusters that count: no supervisor makes up more than half; nor a day, where there are several, more than a
    quarter. What one cap takes away can make the other's share too large again, so both are applied until neither does."""
    clusters, before = clusters_of(judged), -1
    while len(clusters) != before:
        before = len(clusters)
        if len(set(map(_day, clusters))) >= FEWEST_DAYS:
            clusters = capped(clusters, _day, MOST_OF_A_DAY, _person, wrong_first=wrong_first)
        clusters = capped(clusters, _person, MOST_OF_ONE, _day, wrong_first=wrong_first)
    return clusters


def _day(cluster: Cluster) -> date:
    return cluster.judged[0].on


def _person(cluster: Cluster) -> str:
    return cluster.by


def evened(judged: Sequence[Judged]) -> list[Judged]:
    """As if every case had been drawn with the smallest chance that any case of the boundary had then: where more was drawn,
    of one brand than of another, that is thinned out, at random."""
    return [one for one in judged if one.place * one.probability < one.least]


def examine(judged: Sequence[Judged], *, target: float, alpha: float, next_alpha: float | None = None) -> Certificate:
    """What the judgements say of one region at this `alpha`; `next_alpha` is what the next report will be allowed."""
    judged = evened(judged)
    everything = clusters_of(judged)
    counted = counting(judged)
    n, wrong = len(counted), sum(cluster.wrong for cluster in counted)
    largest = max(counted, key=lambda cluster: len(cluster.judged), default=None)
    without = wrong - (largest.wrong if largest else 0)
    inside = [one for cluster in counted for one in cluster.judged]
    customers = len({one.customer for one in inside})
    days, supervisors = len({one.on for one in inside}), len({one.by for one in inside})
    upper = bound(wrong, n, alpha)
    reasons = []
    if upper > target:
        reasons.append(f"it may be wrong for up to {upper:.2%} of customers, over the target of {target:.2%}")
    elif sum(one.wrong for one in judged) > target * len(judged):
        reasons.append(f"of all {len(judged):,} cases more than {target:.2%} were wrong, though of few customers")
    reasons += _brands_apart(counted, target)
    for found, fewest, what in (
        (customers, FEWEST_CUSTOMERS, "customers"),
        (days, FEWEST_DAYS, "days"),
        (supervisors, FEWEST_SUPERVISORS, "supervisors"),
    ):
        if found < fewest:
            reasons.append(f"judgements of {found} {what}, at least {fewest} are needed")
    return Certificate(
        clusters=n,
        wrong=wrong,
        bound=upper,
        bound_without_largest=bound(without, max(0, n - 1), alpha),
        target=target,
        alpha=alpha,
        customers=customers,
        days=days,
        supervisors=supervisors,
        judgements=len(judged),
        capped=len(everything) - n,
        money_at_stake=sum((one.money for one in inside), Decimal(0)),
        money_wrong=sum((one.money for one in inside if one.wrong), Decimal(0)),
        reasons=tuple(reasons),
        more_needed=more_needed(wrong, n, target, next_alpha or alpha) if upper > target else 0,
    )


def lower_bound(wrong: int, n: int, alpha: float) -> float:
    """The smallest error rate over which so many wrong in n would not be rarer than `alpha` (Clopper and Pearson, 1934)."""
    return float(betaincinv(wrong, n - wrong + 1, alpha)) if wrong else 0.0


def _brands_apart(clusters: Sequence[Cluster], target: float) -> list[str]:
    """Which brands are surely over the target, or are surely wrong more often than the others together (Fisher's exact test,
    one-sided); all of them share α. Where brands are pooled, one that differs must not hide among the others."""
    by_brand: defaultdict[str, list[Cluster]] = defaultdict(list)
    for cluster in clusters:
        by_brand[cluster.judged[0].partner].append(cluster)
    alpha, all_wrong, found = ALPHA / max(1, len(by_brand)), sum(one.wrong for one in clusters), []
    for brand, group in sorted(by_brand.items()):
        wrong, n = sum(one.wrong for one in group), len(group)
        lower, others = lower_bound(wrong, n, alpha), len(clusters) - n
        if lower > target:
            found.append(f"at {brand} it is wrong for at least {lower:.2%} of customers")
        elif wrong and others and hypergeom.sf(wrong - 1, len(clusters), all_wrong, n) <= alpha:
            found.append(
                f"{brand} differs: wrong for {wrong} of {n} customers there, for {all_wrong - wrong} of {others} elsewhere"
            )
    return found


def more_needed(wrong: int, n: int, target: float, alpha: float) -> int | None:
    """How many more clusters, wrong as often as those so far, would bring the bound under the target; None when the rate so
    far is not under it, or it would take too many."""
    if n and wrong >= target * n:
        return None
    total = n
    while total < _LOOKED_AHEAD:
        expected = -(-wrong * total // n) if n else 0  # rounded up
        if bound(expected, total, alpha) <= target:
            return total - n
        total += 1 if total < 2_000 else total // 500
    return None


def certify(
    chains: Sequence[Sequence[Sequence[Judged]]], *, target: float | Sequence[float], report: int, alpha: float = ALPHA
) -> list[list[Certificate]]:
    """One report. A chain is a nest of regions, the narrowest first; its judgements come in the same shape. `target` is that
    of every chain, or one for each.

    The report's α is shared equally among the chains (Bonferroni). Along a chain each region is tested at the whole of the
    chain's share, in order, until the first that is not certified: those behind it are examined but certify nothing, which
    controls the chain as one test (fixed-sequence testing, arXiv 2110.01052, section 3.2).
    """
    targets = [target] * len(chains) if isinstance(target, float) else target
    share, later = (alpha_of_report(number, alpha) / max(1, len(chains)) for number in (report, report + 1))
    found = []
    for chain, limit in zip(chains, targets, strict=True):
        examined: list[Certificate] = []
        for judged in chain:
            one = examine(judged, target=limit, alpha=share, next_alpha=later)
            if examined and not examined[-1].certified and one.certified:
                one = replace(one, reasons=("a narrower region before it is not certified",))
            examined.append(one)
        found.append(examined)
    return found
