"""How often the bounds of learning are wrong at the null, 10,000 times each: at most 5 % is promised.

Certificates look once at n judgements; the betting sequence and the detector are looked at after every audit.
"""

from typing import Any

import numpy as np

from apps.learning import betting
from apps.learning.certification import bound
from tests.benchmarks.row import at_most

RUNS, RATE = 10_000, 0.02
BETWEEN = (0.0012, 0.0199)  # rates that lie between those that the betting bound is looked for among
FEWER = 1_000


def rows() -> list[dict[str, Any]]:
    random = np.random.default_rng(20261126)
    found = []
    for n in (50, 100, 200, 500, 1000, 5000):
        wrong = random.binomial(n, RATE, RUNS)
        under = {k: bound(int(k), n, 0.05) < RATE for k in np.unique(wrong)}
        share = 100 * np.mean([under[k] for k in wrong])
        found.append(at_most(f"exact bound under the true 2 %: of {RUNS:,} samples of {n:,}", share, "%", 5, digits=2))
    for audits in (100, 400, 1000):
        flags = random.random((RUNS, audits)) < RATE
        found.append(at_most(f"betting bound ever under the true 2 % in {audits:,} audits: of {RUNS:,} runs",
                             100 * np.mean(_ever_ruled_out(flags)), "%", 5, digits=2))  # fmt: skip
        found.append(at_most(f"false trips of the detector within {audits:,} audits at exactly the target: of {RUNS:,} runs",
                             100 * np.mean(_ever_tripped(flags, betting.threshold_for(audits))), "%", 5, digits=2))  # fmt: skip
    for rate in BETWEEN:
        under = [_bound_ever_under(rate, random) for _ in range(FEWER)]
        found.append(at_most(f"betting bound as it is told ever under the true {rate:.2%} in 400 audits: of {FEWER:,} runs",
                             100 * np.mean(under), "%", 5, digits=2))  # fmt: skip
    return found


def _bound_ever_under(rate: float, random: np.random.Generator) -> bool:
    return betting.uppers([betting.Audit(bool(wrong)) for wrong in random.random(400) < rate])[-1] < rate


def _ever_ruled_out(flags: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Whether those who bet that the error is under the true rate ever have enough to say so."""
    wealth, ever = betting.against(np.full(len(flags), RATE)), np.zeros(len(flags), np.bool_)
    for column in flags.T:
        wealth.add(column, 1.0)
        ever |= wealth.value() >= 1 / betting.ALPHA
    return ever


def _ever_tripped(flags: np.ndarray[Any, Any], threshold: float) -> np.ndarray[Any, Any]:
    evidence, ever = np.zeros((len(flags), len(betting.STAKES))), np.zeros(len(flags), np.bool_)
    for column in flags.T:
        evidence = betting.grown(evidence, column, RATE)
        ever |= evidence.mean(axis=1) >= threshold
    return ever
