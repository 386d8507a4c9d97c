"""Refining: from evidence to regions that may be granted, with proof.

Pure. The older half of the evidence suggests regions, the newer half, which shares no customer with it, certifies them.

    refine(pieces, …)      one report: what was found of every type and action
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from apps.learning.certification import ALPHA, Certificate, Judged, certify
from apps.learning.evidence import Piece
from apps.learning.mining import Example, Region, mine


@dataclass(frozen=True, slots=True)
class Finding:
    """A chain of regions of one type and action, the narrowest first, each with what the newer evidence says of it."""

    case_type: str
    action: str
    regions: tuple[Region, ...]
    certificates: tuple[Certificate, ...]

    @property
    def proposed(self) -> Region | None:
        """The widest region that is certified."""
        certified = [r for r, found in zip(self.regions, self.certificates, strict=True) if found.certified]
        return certified[-1] if certified else None


def refine(pieces: Sequence[Piece], *, target: float, report: int, alpha: float = ALPHA) -> list[Finding]:
    """What the evidence, the oldest first, says. Chains of all types and actions share the report's α."""
    older, newer = split(pieces)
    chains = [(*kind, chain) for kind, group in _by_kind(older).items() for chain in mine(_examples(group), target)]
    fresh = _by_kind(newer)
    judged = [[_inside(region, fresh[case_type, action]) for region in chain] for case_type, action, chain in chains]
    certificates = certify(judged, target=target, report=report, alpha=alpha)
    return [
        Finding(case_type, action, tuple(chain), tuple(found))
        for (case_type, action, chain), found in zip(chains, certificates, strict=True)
    ]


def split(pieces: Sequence[Piece]) -> tuple[list[Piece], list[Piece]]:
    """The older half, and of the newer half what is about customers that the older one does not know."""
    half = len(pieces) // 2
    older = list(pieces[:half])
    known = {(one.judged.partner, one.judged.customer) for one in older if one.judged.customer}
    return older, [one for one in pieces[half:] if (one.judged.partner, one.judged.customer) not in known]


def _by_kind(pieces: Sequence[Piece]) -> defaultdict[tuple[str, str], list[Piece]]:
    found: defaultdict[tuple[str, str], list[Piece]] = defaultdict(list)
    for one in pieces:
        found[one.case_type, one.action].append(one)
    return found


def _examples(pieces: Sequence[Piece]) -> list[Example]:
    return [Example(one.facts, one.amount, one.judged.wrong) for one in pieces]


def _inside(region: Region, pieces: Sequence[Piece]) -> list[Judged]:
    return [one.judged for one in pieces if region.holds(one.facts, one.amount)]
