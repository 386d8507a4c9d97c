"""Bets on audits, which may be looked at after every one of them.

Pure. Audits are drawn with known probabilities; each counts by its inverse, so what is tested is the error of all that the AI
did and not of what happened to be audited. With `least` the smallest probability, an audit's payoff against an error rate m is

    v = (wrong − m) · least / probability

whose expectation has the sign of error − m. A bettor who stakes a part λ of what they have on v only gets rich when the error
is above m, and one who stakes against it only when it is below.

What holds it: `least` is fixed before the first audit, whether a drawn audit is judged has nothing to do with what would be
found, and an audit does not hang together with another. The last is not made so here: what one customer or auditor brings
counts as often as it comes, for whoever gets the AI to be wrong again and again has to be stopped.

    upper(audits, …)     probation: an upper bound of the error that holds at all times at once (betting confidence
                         sequence, Waudby-Smith and Ramdas, arXiv 2010.09686)
    Detector(…)          trip: an e-detector of Shiryaev–Roberts kind, which begins anew with every audit (Shin, Ramdas and
                         Rinaldo, arXiv 2203.03532): the chance of an alarm within T audits at an error under the target is
                         at most T / threshold
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

ALPHA = 0.05
A_MONTH = 28  # days, before which nobody knows how many audits a year brings
STAKES = (
    0.02,
    0.05,
    0.1,
    0.2,
    0.35,
    0.5,
    0.7,
    0.9,
)  # parts of the largest stake that cannot ruin; wealth is their mean
# Error rates that an upper bound is looked for among: close together where targets are.
RATES = np.concatenate([np.arange(1, 200) / 2_000, np.arange(20, 201) / 200])


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found, and the probability with which it was drawn."""

    wrong: bool
    probability: float = 1.0

    def weight(self, least: float) -> float:
        """Raises ValueError for a probability under `least`: no bet on it would be safe."""
        if not 0 < least <= self.probability <= 1:
            raise ValueError(f"an audit drawn with probability {self.probability}, where the least was to be {least}")
        return least / self.probability


def upper(audits: Sequence[Audit], *, least: float = 1.0, alpha: float = ALPHA) -> float:
    """The largest error rate that the audits so far do not rule out; 1 without any. It may be asked after every audit:
    the chance that it is ever under the true rate is at most `alpha`."""
    return uppers(audits, least=least, alpha=alpha)[-1] if audits else 1.0


def uppers(audits: Iterable[Audit], *, least: float = 1.0, alpha: float = ALPHA) -> list[float]:
    """`upper` after each audit; it never rises again, since a rate that was ruled out stays so. What rules out a rate rules
    out every larger one, so the smallest of `RATES` that is ruled out is a bound for what lies between them too."""
    wealth, first, found = against(RATES), len(RATES), []
    for one in audits:
        wealth.add(one.wrong, one.weight(least))
        ruled_out = np.nonzero(wealth.value() >= 1 / alpha)[0]
        first = min(first, int(ruled_out[0])) if len(ruled_out) else first
        found.append(float(RATES[first]) if first < len(RATES) else 1.0)
    return found


@dataclass(slots=True)
class Wealth:
    """The logarithm of what bettors have, one row a stake and one column a rate."""

    rates: NDArray[np.float64]
    stakes: NDArray[np.float64]
    logs: NDArray[np.float64]

    def add(self, wrong: bool | NDArray[np.bool_], weight: float) -> None:
        """`wrong` for all rates, or one for each."""
        self.logs += np.log1p(-self.stakes * (np.asarray(wrong, np.float64) - self.rates) * weight)

    def value(self) -> NDArray[np.float64]:
        peak = self.logs.max(axis=0)
        found: NDArray[np.float64] = np.exp(np.minimum(peak + np.log(np.exp(self.logs - peak).mean(axis=0)), 700))
        return found


def against(rates: NDArray[np.float64]) -> Wealth:
    """Bettors who say that the error is below each rate. Of a rate of 1 nobody loses; the stake is bounded there."""
    stakes = np.array(STAKES)[:, None] / np.maximum(1 - rates, 0.0025)[None, :]
    return Wealth(rates, stakes, np.zeros((len(STAKES), len(rates))))


@dataclass(slots=True)
class Detector:
    """Tells when the error has risen over `target`. Looked at after every audit, it raises a false alarm within T audits
    with a chance of at most T / `threshold`; a change that comes late is seen as soon as one at the start."""

    target: float
    threshold: float
    least: float = 1.0
    evidence: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(STAKES)))
    seen: int = 0
    wrong: int = 0

    def add(self, audit: Audit, least: float | None = None) -> bool:
        """Whether it trips with this audit. `least`: no probability is smaller for now; it may change from week to week, but
        is set before what it bounds is drawn."""
        self.evidence = grown(self.evidence, audit.wrong, self.target, audit.weight(least or self.least))
        self.seen += 1
        self.wrong += audit.wrong
        return self.tripped

    def keep_pace(self, days: int) -> None:
        """Where the audits of so many days are more than the threshold was set for, raise it. What they found plays no part,
        so what is promised of false alarms holds for as many as a year brings."""
        self.threshold = max(self.threshold, threshold_for((self.seen + 1) * 365 / max(days, A_MONTH)))

    @property
    def tripped(self) -> bool:
        return self.value >= self.threshold

    @property
    def value(self) -> float:
        """Under a true error of at most the target, at most as large as the number of audits, on average."""
        return float(self.evidence.mean())


def grown(
    evidence: NDArray[np.float64],
    wrong: bool | NDArray[np.bool_],
    target: float,
    weight: float | NDArray[np.float64] = 1.0,
) -> NDArray[np.float64]:
    """Evidence after one more audit; its last axis is the stakes, and those before it `wrong`'s."""
    payoff = (np.asarray(wrong, np.float64)[..., None] - target) * weight
    found: NDArray[np.float64] = (evidence + 1) * (1 + np.array(STAKES) / target * payoff)
    return found


def threshold_for(audits_a_year: float, false_alarms: float = ALPHA) -> float:
    """The threshold at which a whole year of audits gives a false alarm with a chance of at most `false_alarms`."""
    return max(1.0, math.ceil(audits_a_year)) / false_alarms


def estimate(audits: Sequence[Audit]) -> tuple[float, float]:
    """The error of everything that audits were drawn from, weighted by inverse probability (Hájek), and its standard
    error; (0, 0) without audits."""
    if not audits:
        return 0.0, 0.0
    weights = np.array([1 / one.probability for one in audits])
    wrong = np.array([one.wrong for one in audits], np.float64)
    rate = float((weights * wrong).sum() / weights.sum())
    spread = float(np.sqrt((weights**2 * (wrong - rate) ** 2).sum()) / weights.sum())
    return rate, spread
