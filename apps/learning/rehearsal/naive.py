"""The rule that people come up with first, for comparison: widen where so many agreed and nobody disagreed.

It comes in two kinds: nobody ever disagreed, as far as decisions are kept, or not among the last so many. It reads every
decision with the proposal on the screen, has no ramp, no audits and no breaker.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from apps.learning.certification import Judged
from apps.learning.evidence import Piece
from apps.learning.mining import conditions_tried
from apps.learning.refining import by_kind, grantable
from apps.learning.region import Example, Region
from apps.learning.rehearsal.journey import Journey
from apps.learning.rehearsal.operation import Grant, Week, new_grant
from apps.learning.rehearsal.world import Arrival, World
from apps.policies.columns import Mask
from apps.policies.lots import SHARES, Lot

LATELY = 3_000  # decisions of a type and action that regions are looked for in


class NaiveJourney(Journey):
    """Widens to any region in which at least `agreements` of the last decisions agreed and none did not, or the last
    `agreements` did, `in_a_row`."""

    def __init__(self, world: World, agreements: int, *, in_a_row: bool = False) -> None:
        super().__init__(world)
        self.agreements, self.in_a_row = agreements, in_a_row

    def _lot(self, arrival: Arrival, grant: Grant | None) -> Lot:
        return Lot.NOT_YET if grant is None else Lot.ALONE

    def _count(self, arrival: Arrival, grant: Grant, judged: Judged, week: Week) -> None:
        """Nobody counts audits here."""

    def _ask_people(self, arrival: Arrival, lot: Lot, week: Week) -> None:
        self._judge(arrival, "decision", granted=False, shown=True)

    def _learn(self, number: int, week: Week) -> None:
        self.left = grantable(self.left, self.policy())
        for (case_type, action), pieces in by_kind(self.left).items():
            region = self._widest(pieces[-LATELY:])
            if region is not None:
                grant = new_grant(len(self.grants), (case_type, action), region, number + 1, self.target)
                grant.share = SHARES[-1]
                self.grants.append(grant)
                week.granted.append(grant.in_words())

    def _widest(self, pieces: Sequence[Piece]) -> Region | None:
        """All cases or the condition that holds for most, of those in which enough agreed and nobody disagreed."""
        examples = [Example(one.facts, one.amount, one.judged.wrong) for one in pieces]
        ceiling = max((one.amount for one in pieces if one.amount), key=lambda amount: amount.amount, default=None)
        tried = [(Region(ceiling=ceiling), np.ones(len(pieces), np.bool_))]
        tried += [(Region((condition,), ceiling), mask) for condition, mask in conditions_tried(examples)]
        wrong = np.array([one.wrong for one in examples], np.bool_)
        agreed = [(region, int(mask.sum())) for region, mask in tried if self._agreed(np.flatnonzero(mask), wrong)]
        return max(agreed, key=lambda found: found[1])[0] if agreed else None

    def _agreed(self, inside: NDArray[np.intp], wrong: Mask) -> bool:
        counting = inside[-self.agreements :] if self.in_a_row else inside
        return len(counting) >= self.agreements and not wrong[counting].any()
