"""Tightening: where the AI acts alone and is wrong more often than the target.

Pure. It reads what was judged of cases that are granted: random audits, and the share that is always judged blind. Taking
authority away needs less proof than giving it, yet not none: among hundreds of conditions some hold many errors by chance, so
all that are tried share α.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from apps.learning.certification import counting, lower_bound
from apps.learning.evidence import Piece
from apps.learning.mining import conditions_tried
from apps.learning.refining import TWO_PERCENT, Kind, by_kind
from apps.learning.region import Example, Region
from apps.policies.targets import Targets

ALPHA = 0.01  # of one look; there is one a week
LOOKING_BACK = timedelta(weeks=8)  # what is wrong now is asked, not what was a year ago


@dataclass(frozen=True, slots=True)
class Tightening:
    """A region of a type and action that should be people's again: `wrong` of `judged`, surely more than `lower`."""

    kind: Kind
    region: Region
    judged: int
    wrong: int
    lower: float


def tighten(pieces: Sequence[Piece], *, targets: Targets = TWO_PERCENT, alpha: float = ALPHA) -> list[Tightening]:
    """At most one of each type and action: all of it, or the condition under which most errors are too many."""
    found = []
    for kind, group in by_kind(pieces).items():
        worst = _worst(kind, group, targets.of(*kind), alpha)
        found += [worst] if worst else []
    return found


def _worst(kind: Kind, group: Sequence[Piece], target: float, alpha: float) -> Tightening | None:
    wrong = np.array([one.judged.wrong for one in group])
    tried = conditions_tried([Example(one.facts, one.amount, one.judged.wrong) for one in group])
    everything = (Region(), np.ones(len(group), np.bool_))
    regions = [everything, *((Region((condition,)), mask) for condition, mask in tried)]
    best: Tightening | None = None
    for region, mask in regions:
        if (wrong & mask).sum() <= target * mask.sum():
            continue
        clusters = counting(
            [one.judged for one, inside in zip(group, mask.tolist(), strict=True) if inside], wrong_first=False
        )
        errors = sum(cluster.wrong for cluster in clusters)
        lower = lower_bound(errors, len(clusters), alpha / len(regions))
        if lower > target and (
            best is None or _excess(errors, len(clusters), target) > _excess(best.wrong, best.judged, target)
        ):
            best = Tightening(kind, region, len(clusters), errors, lower)
    return best


def _excess(wrong: int, judged: int, target: float) -> float:
    return wrong - target * judged
