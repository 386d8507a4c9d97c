"""Which policy rules a partner now, compiled once per version and process."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from apps.policies.gate import CompiledPolicy
from apps.policies.models import BoundaryVersion, Partner

_S = BoundaryVersion.State


@dataclass(frozen=True, slots=True)
class Released:
    """A version with its compiled policy."""

    version_id: int
    policy: CompiledPolicy


@dataclass(frozen=True, slots=True)
class InForce:
    """What rules a partner: the active version, for part of the cases the one it replaced, and those in shadow."""

    active: Released
    share: int = 100
    replaced: Released | None = None
    shadows: tuple[Released, ...] = ()

    def ruling(self, subject: str) -> Released | None:
        """The version that rules this case: the same one whenever it is asked. None: nothing was active before."""
        if place_of(subject, self.active.version_id) < self.share:
            return self.active
        return self.replaced


def place_of(subject: str, version_id: int) -> int:
    """Where a case stands in the gradual release of a version, 0 to 99: by a hash, so that it never moves."""
    return int(hashlib.sha256(f"{version_id}:{subject}".encode()).hexdigest()[:8], 16) % 100


@lru_cache(maxsize=256)
def compiled_version(version_id: int, approved_hash: str) -> CompiledPolicy:
    """The compiled policy of a released version; with that hash its content never changes."""
    version = BoundaryVersion.objects.select_related("boundary").get(pk=version_id)
    assert version.state != _S.DRAFT, "a draft may still change"
    return version.compile()


def policies_in_force(partners: Sequence[Partner]) -> dict[int, InForce]:
    """What rules each partner, by partner id; a partner without an active version is left out."""
    rows = BoundaryVersion.objects.filter(
        state__in=[_S.ACTIVE, _S.SHADOW], boundary_id__in={partner.boundary_id for partner in partners}
    ).select_related("replaced")
    active = {row.boundary_id: row for row in rows if row.state == _S.ACTIVE}
    shadows = [row for row in rows if row.state == _S.SHADOW]
    by_boundary = {
        boundary_id: InForce(
            _released(row),
            row.share,
            _released(row.replaced) if row.share < 100 and row.replaced else None,
            tuple(_released(shadow) for shadow in shadows if shadow.boundary_id == boundary_id),
        )
        for boundary_id, row in active.items()
    }
    return {p.pk: by_boundary[p.boundary_id] for p in partners if p.boundary_id in by_boundary}


def _released(version: BoundaryVersion) -> Released:
    return Released(version.pk, compiled_version(version.pk, version.approved_hash))
