"""Ramping: a new grant is the AI's in a part of its cases at first, and a few stay people's for good.

Pure. A case keeps its lot: one that the AI has at 10 % it has at 50 % too.
"""

from enum import StrEnum

SHARES = (10, 50, 100)  # percent of a grant's cases, one after the other
HELD_OUT = 5  # percent that always go to a person, who judges them unseen: what the AI would do wrong stays known


class Lot(StrEnum):
    ALONE = "alone"
    NOT_YET = "not yet"
    HELD_OUT = "held out"


def lot_at(place: float, share: int) -> Lot:
    """What becomes of the case at this `place` (0 to 1) of a grant whose share is so many percent."""
    held_out = HELD_OUT / 100
    if place < held_out:
        return Lot.HELD_OUT
    return Lot.ALONE if place < held_out + (1 - held_out) * share / 100 else Lot.NOT_YET
