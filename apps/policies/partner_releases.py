"""Every other door that widens: a partner's boundary, stage and Terms change here, and only here.

    propose(user, partner, kind, content, reason)   at once when it only tightens, else it waits for a second person
    agree(user, release)                            the second person, who then makes it take effect

Whether it widens is decided here, never by the person. The database refuses these changes outside a release.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone

from apps.policies import audit, pauses, ramps
from apps.policies.errors import Refused
from apps.policies.machines import move
from apps.policies.models import Boundary, Partner, PartnerRelease, PartnerStage, Terms, partner_ids_of
from apps.policies.models.terms import TERMS_FIELDS
from apps.policies.specs import PolicySpec, canonical_json
from apps.policies.verification import verify
from apps.policies.words import CaseType, Stage

Kind, State = PartnerRelease.Kind, PartnerRelease.State
TERMS_LISTS = ("non_returnable", "return_windows", "free_return_tiers", "recommend_categories")
_STAGES = list(Stage)


def propose(user: User, partner: Partner, kind: str, content: Mapping[str, Any], reason: str) -> PartnerRelease:
    """Propose a change. Raises Refused with a sentence when the content is none, changes nothing, or lacks a reason."""
    if not reason.strip():
        raise Refused("Say why: the second person, and the log, will ask.")
    _within_remit(user, partner)
    with transaction.atomic():
        Partner.objects.select_for_update(no_key=True).get(pk=partner.pk)
        if PartnerRelease.objects.filter(partner=partner, kind=kind, state=State.OPEN, content=dict(content)).exists():
            raise Refused("The same change waits for a second person already.")
        in_words, because = _read(partner, kind, content)
        release = PartnerRelease.objects.create(
            partner=partner, kind=kind, content=dict(content), content_hash=_hash(kind, content), in_words=in_words,
            widens=bool(because), because=because, reason=reason.strip(), proposed_by=user,
        )  # fmt: skip
        details = {"in_words": in_words, "widens": release.widens, "content_hash": release.content_hash}
        audit.record(audit.person(user), release, "proposed", reason=release.reason, details=details)
        return release if release.widens else _take_effect(release, user, agreed_by=None)


def agree(user: User, release_id: int) -> PartnerRelease:
    """The second person agrees to exactly this content. Raises Refused to the one who proposed it."""
    with transaction.atomic():
        release = _locked(user, release_id)
        if release.state == State.OPEN and (release.in_words, release.because) != _as_it_is_now(release):
            raise Refused(
                "What this would change is not what it was when it was proposed. Withdraw it and propose it anew."
            )
        return _take_effect(release, user, agreed_by=user)


def _as_it_is_now(release: PartnerRelease) -> tuple[str, list[str]] | None:
    try:
        return _read(release.partner, release.kind, release.content)
    except Refused:
        return None


def withdraw(user: User, release_id: int, reason: str) -> PartnerRelease:
    with transaction.atomic():
        release = _locked(user, release_id)
        release.ended_at = timezone.now()
        return move(release, "withdraw", actor=audit.person(user), reason=reason.strip(), save=("ended_at",))[0]


def _locked(user: User, release_id: int) -> PartnerRelease:
    rows = PartnerRelease.objects.select_for_update(no_key=True, of=("self",))
    release = rows.select_related("partner").get(pk=release_id)
    _within_remit(user, release.partner)
    return release


def _within_remit(user: User, partner: Partner) -> None:
    allowed = partner_ids_of(user)
    if allowed is not None and partner.pk not in allowed:
        raise Refused(f"{partner} is outside your remit.")


def _hash(kind: str, content: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical_json({"kind": kind, "content": content}).encode()).hexdigest()


def _take_effect(release: PartnerRelease, user: User, agreed_by: User | None) -> PartnerRelease:
    """Inside the caller's transaction: the row is released first, and names itself to the triggers that ask for it."""
    release.agreed_by, release.ended_at = agreed_by, timezone.now()
    move(
        release, "release", actor=audit.person(user), reason="" if agreed_by else "it only tightens",
        save=("agreed_by", "ended_at"), details=lambda row: {"content_hash": row.content_hash},
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('remit.release', %s, true)", [str(release.pk)])
        for partner in (release.partner, *Partner.objects.filter(sandbox_of=release.partner)):
            _apply(release, partner)
        cursor.execute("SELECT set_config('remit.release', '', true)")
    return release


def _apply(release: PartnerRelease, partner: Partner) -> None:
    """To the brand, and to its sandbox, which is to rule as the brand does."""
    content = release.content
    if release.kind == Kind.BOUNDARY:
        Partner.objects.filter(pk=partner.pk).update(boundary_id=content["boundary"])
    elif release.kind == Kind.STAGE:
        row, _ = PartnerStage.objects.get_or_create(
            partner=partner, case_type=content["case_type"], defaults={"stage": Stage.OBSERVE}
        )
        PartnerStage.objects.filter(pk=row.pk).update(stage=content["stage"])
    else:
        last = Terms.objects.filter(partner=partner).order_by("-number").first()
        Terms.objects.filter(partner=partner, active=True).update(active=False)
        Terms.objects.create(partner=partner, number=last.number + 1 if last else 1, active=True, **content)


def _read(partner: Partner, kind: str, content: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The change in words, and why it widens (empty: it does not)."""
    if kind == Kind.BOUNDARY:
        return _read_boundary(partner, content)
    if kind == Kind.STAGE:
        return _read_stage(partner, content)
    if kind == Kind.TERMS:
        return _read_terms(partner, content)
    raise Refused("A partner's boundary, stage or Terms can be released.")


def _read_boundary(partner: Partner, content: Mapping[str, Any]) -> tuple[str, list[str]]:
    boundary_id = content.get("boundary")
    if boundary_id == partner.boundary_id:
        raise Refused(f"{partner} has this boundary already.")
    if boundary_id is None:
        return f"no boundary instead of {partner.boundary}: everything goes to people", []
    boundary = Boundary.objects.filter(pk=boundary_id).first()
    if boundary is None:
        raise Refused("There is no such boundary.")
    if boundary.currency != partner.currency:
        raise Refused(f"{boundary} is in {boundary.currency}, and {partner} sells in {partner.currency}.")
    said = f"boundary {boundary} instead of {partner.boundary or 'none'}"
    now, then = _policies_of(partner.boundary), _policies_of(boundary)
    wider = [sentence for new in then for old in now for sentence in _wider(new, old)]
    wider += [
        f"{pause.scope_in_words()}: this pause would not hold any more"
        for pause in pauses.of_boundary(partner.boundary)
    ]
    return said, list(dict.fromkeys(wider))


def _policies_of(boundary: Boundary | None) -> list[PolicySpec]:
    """Whatever rules under a boundary: its active version, and, where that one rules a share or ends, what it replaced."""
    active = boundary.active_version if boundary else None
    if active is None:
        return [PolicySpec()]
    if active.share == 100 and active.ends_at is None:
        return [active.policy()]
    return [active.policy(), active.replaced.policy() if active.replaced else PolicySpec()]


def _wider(new: PolicySpec, old: PolicySpec) -> list[str]:
    verification = verify(new, old)
    said = [
        f"{change.after[:1].upper()}{change.after[1:]}: {change.where}."
        for change in verification.changes
        if change.widens
    ]
    said += [f"Not proved: {reason}." for reason in verification.not_proved]
    if ramps.sheds(new, old):
        said.append(
            "It lets go of a ramp: what the AI does step by step now, or was stopped from, it would do at once."
        )
    return said


def _read_stage(partner: Partner, content: Mapping[str, Any]) -> tuple[str, list[str]]:
    case_type, stage = content.get("case_type"), content.get("stage")
    if case_type not in CaseType.values or stage not in Stage.values:
        raise Refused("Name a type and one of the stages observe, assist and live.")
    before = partner.stages.filter(case_type=case_type).values_list("stage", flat=True).first() or Stage.OBSERVE
    if before == stage:
        raise Refused(f"{CaseType(case_type).label} is at {stage} already.")
    said = f"{CaseType(case_type).label}: {before} → {stage}"
    higher = _STAGES.index(Stage(str(stage))) > _STAGES.index(Stage(before))
    return said, [f"{Stage(str(stage)).label}."] if higher else []


def _read_terms(partner: Partner, content: Mapping[str, Any]) -> tuple[str, list[str]]:
    if set(content) != set(TERMS_FIELDS):
        raise Refused(f"Terms are {', '.join(TERMS_FIELDS)}.")
    draft = Terms(partner=partner, number=0, **content)
    try:
        draft.clean_fields(exclude=["partner"])
    except ValidationError as error:
        raise Refused("; ".join(f"{name}: {' '.join(said)}" for name, said in error.message_dict.items())) from None
    active = Terms.objects.filter(partner=partner, active=True).first()
    if active is None:
        return "its first Terms", ["Terms let the AI know what the brand grants."]
    changed = [name for name in TERMS_FIELDS if getattr(active, name) != getattr(draft, name)]
    if not changed:
        raise Refused("These Terms say what the active ones say.")
    said = "; ".join(f"{_label(name)}: {getattr(active, name)} → {getattr(draft, name)}" for name in changed)
    return said, [
        "Facts such as days past the window come from the Terms: what they let the AI do cannot be proved here."
    ]


def _label(name: str) -> str:
    return name.replace("_", " ")
