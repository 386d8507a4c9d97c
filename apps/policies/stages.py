"""Stages of a type, observe → assist → live: what each step asks for, and what is known."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from apps.policies.models import Partner, Pause, Ruling
from apps.policies.words import Stage

DAYS = 30
LEAST_RULINGS, LEAST_DECISIONS, LEAST_BLIND, LEAST_AGREEMENT = 50, 50, 10, 90.0


@dataclass(frozen=True, slots=True)
class Known:
    """What people decided on a type: how many, how many of them blind, and how many of the blind ones as the AI proposed."""

    decisions: int = 0
    blind: int = 0
    agreed: int = 0


@dataclass(frozen=True, slots=True)
class Check:
    label: str
    value: str
    met: bool
    page: str = ""  # the list of the admin where that is seen to, like policies_pause


KnownOf = Callable[[int, str, int], Known]
_known: list[KnownOf] = []


def provide_known(provider: KnownOf) -> None:
    """Let another layer say what people decided: (partner id, type, days) → Known."""
    _known[:] = [provider]


def known_of(partner_id: int, case_type: str) -> Known:
    """In the last `DAYS`; nothing where no layer says."""
    return _known[0](partner_id, case_type, DAYS) if _known else Known()


def agreement(known: Iterable[Known]) -> Check:
    """Who saw the proposal agrees too easily: only blind decisions count."""
    rows = list(known)
    blind, agreed = sum(one.blind for one in rows), sum(one.agreed for one in rows)
    share = 100 * agreed / blind if blind else 0.0
    return Check(
        f"Decided as proposed, without seeing it: at least {LEAST_AGREEMENT:.0f} % of at least {LEAST_BLIND}",
        f"{share:.1f} % of {blind:,}", blind >= LEAST_BLIND and share >= LEAST_AGREEMENT,
    )  # fmt: skip


def checklist(partner: Partner, case_type: str, stage: str) -> list[Check]:
    """What moving to a stage asks for. The second person sees it; short evidence is theirs to judge, and is kept."""
    since = timezone.now() - timedelta(days=DAYS)
    rulings = Ruling.objects.filter(partner=partner, case_type=case_type, at__gte=since)
    count = rulings.count()
    found = [
        Check(f"Cases of this type ruled in {DAYS} days: at least {LEAST_RULINGS}", str(count), count >= LEAST_RULINGS)
    ]
    if stage == Stage.OBSERVE:
        return []
    known = known_of(partner.pk, case_type)
    found.append(
        Check(
            f"Decided by people: at least {LEAST_DECISIONS}", str(known.decisions), known.decisions >= LEAST_DECISIONS
        )
    )
    if stage == Stage.LIVE:
        found.append(agreement([known]))
        granted = rulings.filter(gate_handler="autonomous").count()
        found.append(Check("The boundary grants some of them", str(granted), granted > 0))
        here = Pause.objects.filter(lifted_at=None, case_type__in=["", case_type])
        paused = any(one.stops(partner) for one in here)
        found.append(Check("No pause is in force for this brand and type", "paused" if paused else "none", not paused))
    return found
