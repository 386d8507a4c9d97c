"""A new brand: made with everything it needs, and what is still missing before its AI goes live.

    create(Wanted(…), actor=…)   the brand with Terms, stages (all observed), keys and webhook, and a sandbox beside it
    sandbox(partner, actor=…)    a twin to try things out with: it rules as the brand, and nothing it does has an effect
    checklist(partner, now)      what going live asks for, and what is so

Nothing that a new brand has widens anything: every type is observed, until two people move it on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from apps.interactions import duty, keys
from apps.interactions.models import ApiKey, Effect, Order, Scope, Shift, ShopConnection, WebhookDelivery
from apps.interactions.webhooks import endpoints, signing
from apps.policies import audit, stages
from apps.policies.errors import Invalid, Refused
from apps.policies.models import Boundary, Partner, PartnerStage, Pause, Ruling, Terms, partner_ids_of
from apps.policies.stages import Check
from apps.policies.words import DEFAULT_HANDLERS, CaseType, Handler, Stage

BACK_END = tuple(Scope)
WIDGET = (Scope.INTERACTIONS_WRITE,)
OBSERVED_FOR = timedelta(days=14)
LEAST_RULINGS = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """A brand as it is asked for. `boundary` is the name of one that there is; `terms` other fields of its Terms; `webhook` an
    address, or none."""

    slug: str
    name: str
    boundary: str
    currency: str = "USD"
    time_zone: str = "UTC"
    opens_at: time = time(8)
    closes_at: time = time(20)
    staffed_weekdays: Sequence[int] = ()
    holidays: Sequence[str] = ()
    languages: Sequence[str] = ("en",)
    return_days: int = 30
    lost_after: int = 7
    greeting: str = "Hi {name},"
    sign_off: str = "Kind regards,\n{brand}"
    formality: str = Partner.Formality.NEUTRAL
    terms: Mapping[str, Any] = field(default_factory=dict)
    webhook: str = ""
    contact: str = ""
    sandbox: bool = True


@dataclass(frozen=True, slots=True)
class Made:
    """Keys and secret are in here and nowhere else."""

    partner: Partner
    keys: list[ApiKey] = field(default_factory=list)
    webhook_secret: str = ""


def create(wanted: Wanted, *, actor: audit.Actor) -> Made:
    """Raises Invalid naming each field; then nothing was made."""
    boundary = Boundary.objects.filter(name=wanted.boundary).first()
    if boundary is None:
        there = ", ".join(Boundary.objects.values_list("name", flat=True)) or "none yet: import one first"
        raise Invalid({"boundary": [f"There is no boundary “{wanted.boundary}”. There are: {there}."]})
    if boundary.currency != wanted.currency:
        said = f"“{boundary}” is in {boundary.currency}: its amounts say nothing of {wanted.currency}. Choose another boundary."
        raise Invalid({"currency": [said]})
    partner = Partner(
        slug=wanted.slug, name=wanted.name, currency=wanted.currency, time_zone=wanted.time_zone, boundary=boundary,
        opens_at=wanted.opens_at, closes_at=wanted.closes_at, staffed_weekdays=list(wanted.staffed_weekdays),
        holidays=list(wanted.holidays), languages=list(wanted.languages), voice_greeting=wanted.greeting,
        voice_sign_off=wanted.sign_off, voice_formality=wanted.formality,
    )  # fmt: skip
    days = f"Unused goods come back within {wanted.return_days} days of delivery."
    terms = Terms(
        partner=partner,
        number=1,
        active=True,
        return_window_days=wanted.return_days,
        return_window_clause=days,
        lost_clause=f"A parcel without a scan for {wanted.lost_after} days counts as lost; we answer for it.",
        lost_after_days=wanted.lost_after,
        **wanted.terms,
    )
    _checked(partner, terms)
    try:
        return _made(partner, terms, wanted, actor)
    except IntegrityError as error:  # two made it at this very moment
        raise Invalid({"slug": [f"“{wanted.slug}” is there already."]}) from error


def _made(partner: Partner, terms: Terms, wanted: Wanted, actor: audit.Actor) -> Made:
    with transaction.atomic():
        partner.save(force_insert=True)
        terms.save(force_insert=True)
        PartnerStage.objects.bulk_create(
            PartnerStage(partner=partner, case_type=case_type, stage=Stage.OBSERVE) for case_type in CaseType
        )
        audit.record(actor, partner, "created", details={"boundary": wanted.boundary})
        made = [
            keys.issue(partner, "back end", [str(scope) for scope in BACK_END], actor=actor),
            keys.issue(partner, "chat widget", [str(scope) for scope in WIDGET], actor=actor),
        ]
        secret = ""
        if wanted.webhook:
            endpoint = endpoints.register(partner, {"url": wanted.webhook, "contact": wanted.contact}, actor=actor)
            secret = signing.secret_of(endpoint.reference, endpoint.generation)
        if wanted.sandbox:
            made.append(sandbox(partner, actor=actor))
    return Made(partner, made, secret)


def sandbox(partner: Partner, *, actor: audit.Actor) -> ApiKey:
    """The twin of a brand, made when it is missing, and a key to it. It has the brand's boundary and Terms, the types that
    are meant for the AI live, and the built-in shop; people's work, evidence and mail are none of its business."""
    if partner.sandbox_of_id is not None:
        raise Refused("This is a sandbox already.")
    with transaction.atomic():
        Partner.objects.select_for_update(no_key=True).get(pk=partner.pk)
        twin = Partner.objects.filter(sandbox_of=partner).first() or _twin(partner, actor)
        return keys.issue(twin, "sandbox", [str(scope) for scope in BACK_END], actor=actor)


def _free_slug(wanted: str) -> str:
    taken = set(Partner.objects.filter(slug__startswith=wanted).values_list("slug", flat=True))
    return next(slug for slug in (wanted, *(f"{wanted}-{n}" for n in range(2, 99_999))) if slug not in taken)


def _twin(partner: Partner, actor: audit.Actor) -> Partner:
    terms = partner.terms_versions.filter(active=True).first()
    twin = Partner.objects.get(pk=partner.pk)
    twin.pk, twin._state.adding = None, True
    twin.slug, twin.name = _free_slug(f"{partner.slug[:40]}-sandbox"), f"{partner.name[:90]} sandbox"
    twin.sandbox_of, twin.connector = partner, Partner.Connector.SIMULATOR
    twin.blind_percent = twin.audit_percent = twin.undo_seconds = 0
    twin.save(force_insert=True)
    if terms is not None:
        terms.pk, terms._state.adding, terms.partner, terms.number = None, True, twin, 1
        terms.save(force_insert=True)
    PartnerStage.objects.bulk_create(
        PartnerStage(
            partner=twin, case_type=case_type, stage=Stage.LIVE if meant == Handler.AUTONOMOUS else Stage.ASSIST
        )
        for case_type in CaseType
        for meant in [DEFAULT_HANDLERS.get(case_type)]
    )
    audit.record(actor, twin, "created", details={"sandbox_of": partner.slug})
    return twin


def _checked(partner: Partner, terms: Terms) -> None:
    errors: dict[str, list[str]] = {}
    for row, left_out in ((partner, []), (terms, ["partner"])):
        try:
            row.full_clean(exclude=left_out, validate_constraints=False)
        except ValidationError as error:
            errors |= {name: list(found) for name, found in error.message_dict.items()}
    if not set(partner.staffed_weekdays) <= set(range(7)):
        errors["staffed_weekdays"] = ["Days are 0, which is Monday, to 6, which is Sunday."]
    if errors:
        raise Invalid(errors)


def _shop_is_read(partner: Partner) -> Check:
    row = ShopConnection.objects.filter(partner=partner).first()
    is_read = row is not None and row.read_at is not None and not row.failures
    said = "yes" if is_read else "no: see its connection"
    return Check("The shop is read", said, is_read, "interactions_shopconnection")


def _webhook_came_through(partner: Partner) -> Check:
    came = WebhookDelivery.objects.filter(endpoint__partner=partner, status=WebhookDelivery.Status.DELIVERED).exists()
    said = "yes" if came else "no: send a test"
    return Check("A webhook came through", said, came, "interactions_webhookendpoint")


def checklist(partner: Partner, now: datetime) -> list[Check]:
    """What going live asks for. Each type has its own steps besides (stages.checklist); two people judge both."""
    rulings = Ruling.objects.filter(partner=partner)
    first = rulings.order_by("at").values_list("at", flat=True).first()
    observed = now - first if first else timedelta(0)
    count = rulings.count()
    lifted = Pause.objects.filter(partner=partner, lifted_at__isnull=False).exists()
    brands_of = {user: partner_ids_of(user) for user in duty.present(Shift.Kind.ON, now)}
    here = [user for user, brands in brands_of.items() if brands is None or partner.pk in brands]
    heard = _shop_is_read(partner) if partner.connector == Partner.Connector.SHOP else _webhook_came_through(partner)
    settled = Effect.objects.filter(partner=partner, state__in=[Effect.State.DONE, Effect.State.REFUSED]).exists()
    orders = Order.objects.filter(partner=partner).count()
    used = ApiKey.objects.filter(partner=partner, last_used_at__isnull=False).exists()
    return [
        Check("A key was used", "yes" if used else "no", used, "interactions_apikey"),
        Check("Orders are in the mirror", f"{orders:,}", orders > 0, "interactions_order"),
        heard,
        Check("The shop said what became of an action", "yes" if settled else "no", settled, "interactions_effect"),
        Check(f"Observed for at least {OBSERVED_FOR.days} days", f"{observed.days} days", observed >= OBSERVED_FOR),
        Check(f"At least {LEAST_RULINGS} cases ruled meanwhile", f"{count:,}", count >= LEAST_RULINGS),
        stages.agreement(stages.known_of(partner.pk, case_type) for case_type in CaseType),
        Check("A pause was tried, and lifted by two people", "yes" if lifted else "no", lifted, "policies_pause"),
        Check("Somebody is on shift now", f"{len(here)}" if here else "nobody", bool(here), "interactions_shift"),
    ]  # fmt: skip
