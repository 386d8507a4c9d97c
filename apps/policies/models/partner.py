"""Partners: the brands, one tenant each, with their stages."""

import zoneinfo
from datetime import date, time
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models

from apps.policies.models.partner_release import only_by_release
from apps.policies.models.voice import (
    Formality,
    default_languages,
    valid_languages,
    valid_voice,
    valid_words_to_avoid,
)
from apps.policies.words import CaseType, Stage


def valid_time_zone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError(f"“{name}” is no time zone; write it like Europe/Amsterdam.")


def valid_currency(code: str) -> None:
    if len(code) != 3 or not code.isascii() or not code.isupper():
        raise ValidationError("A currency is three capital letters, like USD.")


OF_SANDBOX = "EXISTS (SELECT 1 FROM policies_partner WHERE id = NEW.partner_id AND sandbox_of_id IS NOT NULL)"
"""As SQL: a row of a sandbox, which follows its brand and has no effects, so that it needs no release of its own."""


def valid_holidays(dates: Any) -> None:
    for day in dates if isinstance(dates, list) else [dates]:
        try:
            date.fromisoformat(str(day))
        except ValueError:
            raise ValidationError(f"“{day}” is no date; write it like 2026-12-25.") from None


class PartnerSilence(models.TextChoices):
    CLOSE = "close", "The case is closed"
    PERSON = "person", "A person looks at it"


class PartnerQuerySet(models.QuerySet["Partner"]):
    def real(self) -> "PartnerQuerySet":
        """Without sandboxes: what happens there is nobody's evidence and nobody's work."""
        return self.filter(sandbox_of__isnull=True)


class Partner(models.Model):
    Silence = PartnerSilence
    Formality = Formality

    class Connector(models.TextChoices):
        WEBHOOK = "webhook", "The partner's own systems, by webhook"
        SIMULATOR = "simulator", "Built-in shop simulator (demo, sandbox)"
        SHOP = "shop", "The shop that it is connected with"

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    currency = models.CharField(max_length=3, default="USD", validators=[valid_currency])
    time_zone = models.CharField(max_length=40, default="UTC", validators=[valid_time_zone])
    opens_at = models.TimeField(default=time(8), help_text="When people start answering, in the brand's time zone.")
    closes_at = models.TimeField(default=time(20))
    staffed_weekdays = models.JSONField(
        default=list, blank=True, help_text="Days people answer, 0 = Monday to 6 = Sunday; empty: every day."
    )
    holidays = models.JSONField(
        default=list, blank=True, validators=[valid_holidays], help_text="Dates nobody answers, like 2026-12-25."
    )
    voice_greeting = models.CharField(
        max_length=80,
        default="Hi {name},",
        validators=[valid_voice],
        help_text="{name} is the customer, {brand} the brand.",
    )
    voice_sign_off = models.CharField(max_length=120, default="Kind regards,\n{brand}", validators=[valid_voice])
    voice_formality = models.CharField(
        "how replies speak", max_length=8, choices=Formality.choices, default=Formality.NEUTRAL
    )
    voice_avoid = models.JSONField(
        "words to avoid", default=list, blank=True, validators=[valid_words_to_avoid],
        help_text="“parcel: package” writes the second for the first. A reply with a word that has no better one goes to a "
        "person.",
    )  # fmt: skip
    languages = models.JSONField(
        default=default_languages, validators=[valid_languages],
        help_text="Languages that the brand's people answer in, like “en”. Whoever writes in another is told so.",
    )  # fmt: skip
    boundary = models.ForeignKey("policies.Boundary", null=True, blank=True, on_delete=models.PROTECT)
    sandbox_of = models.OneToOneField(
        "self", null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="sandbox",
        help_text="The brand that tries things out here; nothing done here has an effect.",
    )  # fmt: skip
    connector = models.CharField(max_length=12, choices=Connector.choices, default=Connector.WEBHOOK)
    undo_seconds = models.PositiveSmallIntegerField(default=10, help_text="How long a decision can be taken back.")
    when_silent = models.CharField(
        "when a customer does not answer", max_length=6, choices=PartnerSilence.choices, default=PartnerSilence.CLOSE,
        help_text="Seven days after a question the customer is reminded, and seven days later this happens.",
    )  # fmt: skip
    order_hours = models.PositiveSmallIntegerField(
        "hours that word of an order counts", null=True, blank=True,
        help_text="Of an order that is placed or shipped; older word goes to a person. Empty: the shop sends every change.",
    )  # fmt: skip
    blind_percent = models.PositiveSmallIntegerField(
        "cases judged blind, in %", default=5, validators=[MaxValueValidator(100)],
        help_text="Drawn at random: people judge them before they see what the AI proposes.",
    )  # fmt: skip
    audit_percent = models.PositiveSmallIntegerField(
        "AI decisions audited, in %", default=5, validators=[MaxValueValidator(100)],
        help_text="Drawn at random of what the AI did alone: people judge them afterwards, without seeing what it did. "
                  "Of a rule that decides seldom more is drawn, up to 25 a week. 0: none.",
    )  # fmt: skip
    quiet_days = models.PositiveSmallIntegerField(
        default=3, help_text="Days without a message after which a resolved case is closed."
    )
    effect_deadline_minutes = models.PositiveSmallIntegerField(
        default=15, help_text="After this long without an answer an effect's outcome counts as unknown."
    )

    objects = PartnerQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        triggers = [
            only_by_release(
                "boundary_by_release", kind="boundary", partner="NEW.id",
                update="NEW.sandbox_of_id IS NULL AND NEW.boundary_id IS NOT NULL "
                "AND NEW.boundary_id IS DISTINCT FROM OLD.boundary_id",
                content="(r.content->>'boundary')::bigint = NEW.boundary_id",
            )
        ]  # fmt: skip
        constraints = [
            models.CheckConstraint(condition=models.Q(currency__regex=r"^[A-Z]{3}$"), name="partner_currency"),
            models.CheckConstraint(
                condition=models.Q(sandbox_of__isnull=True)
                | models.Q(connector="simulator", blind_percent=0, audit_percent=0),
                name="sandbox_has_no_effects",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone)

    def stage_of(self, case_type: str) -> str:
        """The stage of a type; a type without a row is observed, the narrowest."""
        cached: dict[str, str] | None = self.__dict__.get("_stages")
        if cached is None:
            cached = {row.case_type: row.stage for row in self.stages.all()}
            self.__dict__["_stages"] = cached
        return cached.get(case_type, Stage.OBSERVE.value)


class PartnerStage(models.Model):
    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="stages")
    case_type = models.CharField(max_length=30, choices=CaseType.choices)
    stage = models.CharField(max_length=10, choices=Stage.choices, default=Stage.OBSERVE)

    class Meta:
        ordering = ["partner_id", "case_type"]
        triggers = [
            only_by_release(
                "stage_by_release", kind="stage", partner="NEW.partner_id",
                update=f"NOT {OF_SANDBOX} AND (array_position(ARRAY['observe', 'assist', 'live'], NEW.stage::text) "
                "> array_position(ARRAY['observe', 'assist', 'live'], OLD.stage::text) OR (NEW.stage <> 'observe' AND "
                "(NEW.partner_id, NEW.case_type) IS DISTINCT FROM (OLD.partner_id, OLD.case_type)))",
                insert=f"NOT {OF_SANDBOX} AND NEW.stage <> 'observe' AND EXISTS "
                "(SELECT 1 FROM policies_ruling WHERE partner_id = NEW.partner_id)",
                content="r.content->>'stage' = NEW.stage AND r.content->>'case_type' = NEW.case_type",
            )
        ]  # fmt: skip
        constraints = [
            models.UniqueConstraint(fields=["partner", "case_type"], name="one_stage_per_partner_and_type"),
            models.CheckConstraint(condition=models.Q(stage__in=Stage.values), name="stage_in_list"),
        ]

    def __str__(self) -> str:
        return f"{self.partner}: {self.get_case_type_display()} {self.stage}"
