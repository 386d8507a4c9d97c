"""Which policy rules a partner now, compiled once per version and process."""

from functools import lru_cache

from apps.policies.gate import CompiledPolicy
from apps.policies.models import BoundaryVersion, Partner


@lru_cache(maxsize=256)
def compiled_version(version_id: int, approved_hash: str) -> CompiledPolicy:
    """The compiled policy of a released version; with that hash its content never changes."""
    version = BoundaryVersion.objects.select_related("boundary").get(pk=version_id)
    assert version.state != BoundaryVersion.State.DRAFT, "a draft may still change"
    return version.compile()


def policies_in_force(partners: list[Partner]) -> dict[int, tuple[int, CompiledPolicy]]:
    """The active version id and policy by partner id; a partner without one is left out."""
    rows = BoundaryVersion.objects.filter(
        state=BoundaryVersion.State.ACTIVE, boundary_id__in={partner.boundary_id for partner in partners}
    ).values_list("boundary_id", "pk", "approved_hash")
    active = {boundary_id: (pk, approved_hash) for boundary_id, pk, approved_hash in rows}
    return {
        partner.pk: (active[partner.boundary_id][0], compiled_version(*active[partner.boundary_id]))
        for partner in partners
        if partner.boundary_id in active
    }
