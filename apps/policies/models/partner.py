"""Partners: the brands, one tenant each, with their stages."""

import zoneinfo
from dataclasses import dataclass
from datetime import time
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models

from apps.policies.facts import TIERS
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


@dataclass(frozen=True, slots=True)
class Window:
    """A return window in days for a category (lower case), a tier, or both; empty means every one."""

    category: str
    tier: str
    days: int


def read_window(line: str) -> Window:
    """ "electronics, vip: 30". Raises ValidationError with what is wrong."""
    names, colon, days = str(line).rpartition(":")
    parts = [part.strip().lower() for part in names.split(",") if part.strip()]
    tiers = [part for part in parts if part in TIERS]
    categories = [part for part in parts if part not in TIERS]
    if not colon or not parts or len(tiers) > 1 or len(categories) > 1 or not days.strip().isdecimal():
        raise ValidationError(f"“{line}” is no window. Write “electronics: 14”, “vip: 60” or “electronics, vip: 30”.")
    if int(days) > 3650:
        raise ValidationError(f"“{line}”: a window is at most 3650 days.")
    return Window("".join(categories), "".join(tiers), int(days))


def valid_windows(lines: Any) -> None:
    if not isinstance(lines, list):
        raise ValidationError("Other windows are a list of lines.")
    for line in lines:
        read_window(line)


def valid_tiers(names: Any) -> None:
    unknown = [str(name) for name in names if name not in TIERS] if isinstance(names, list) else ["this"]
    if unknown:
        raise ValidationError(f"No such tier: {', '.join(unknown)}. Tiers are {', '.join(TIERS)}.")


class PartnerSilence(models.TextChoices):
    CLOSE = "close", "The case is closed"
    PERSON = "person", "A person looks at it"


class Partner(models.Model):
    Silence = PartnerSilence
    Formality = Formality

    class Connector(models.TextChoices):
        WEBHOOK = "webhook", "The partner's own systems, by webhook"
        SIMULATOR = "simulator", "Built-in shop simulator (demo)"

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    currency = models.CharField(max_length=3, default="USD", validators=[valid_currency])
    time_zone = models.CharField(max_length=40, default="UTC", validators=[valid_time_zone])
    opens_at = models.TimeField(default=time(8), help_text="When people start answering, in the brand's time zone.")
    closes_at = models.TimeField(default=time(20))
    staffed_weekdays = models.JSONField(
        default=list, blank=True, help_text="Days people answer, 0 = Monday to 6 = Sunday; empty: every day."
    )
    holidays = models.JSONField(default=list, blank=True, help_text="Dates nobody answers, like 2026-12-25.")
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
        help_text="Drawn at random of what the AI did alone: people judge them afterwards, without seeing what it did.",
    )  # fmt: skip
    quiet_days = models.PositiveSmallIntegerField(
        default=3, help_text="Days without a message after which a resolved case is closed."
    )
    effect_deadline_minutes = models.PositiveSmallIntegerField(
        default=15, help_text="After this long without an answer an effect's outcome counts as unknown."
    )

    class Meta:
        ordering = ["name"]
        triggers = [
            only_by_release(
                "boundary_by_release", kind="boundary", partner="NEW.id",
                update="NEW.boundary_id IS NOT NULL AND NEW.boundary_id IS DISTINCT FROM OLD.boundary_id",
                content="(r.content->>'boundary')::bigint = NEW.boundary_id",
            )
        ]  # fmt: skip
        constraints = [
            models.CheckConstraint(condition=models.Q(currency__regex=r"^[A-Z]{3}$"), name="partner_currency")
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
            cached = dict(self.stages.values_list("case_type", "stage"))
            self.__dict__["_stages"] = cached
        return cached.get(case_type, Stage.OBSERVE.value)


class PartnerStage(models.Model):
    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="stages")
    case_type = models.CharField(max_length=30, choices=CaseType.choices)
    stage = models.CharField(max_length=10, choices=Stage.choices, default=Stage.OBSERVE)

    class Meta:
        ordering = ["partner", "case_type"]
        triggers = [
            only_by_release(
                "stage_by_release", kind="stage", partner="NEW.partner_id",
                update="array_position(ARRAY['observe', 'assist', 'live'], NEW.stage::text) "
                "> array_position(ARRAY['observe', 'assist', 'live'], OLD.stage::text) OR (NEW.stage <> 'observe' AND "
                "(NEW.partner_id, NEW.case_type) IS DISTINCT FROM (OLD.partner_id, OLD.case_type))",
                insert="NEW.stage <> 'observe' AND EXISTS "
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


TERMS_FIELDS = (
    "return_window_days", "return_window_clause", "non_returnable", "non_returnable_clause", "return_fee",
    "return_fee_clause", "return_windows", "free_return_tiers", "recommend_categories", "recommend_most",
    "lost_after_days", "lost_clause",
)  # fmt: skip
_AS_RELEASED = " AND ".join(
    f"(r.content->>'{name}')::numeric IS NOT DISTINCT FROM NEW.{name}"
    if name in ("return_fee", "recommend_most")
    else f"r.content->'{name}' = to_jsonb(NEW)->'{name}'"
    for name in TERMS_FIELDS
)


class Terms(models.Model):
    """A partner's policies: typed values and, beside each, the clause in words that briefs and replies quote."""

    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="terms_versions")
    number = models.PositiveIntegerField()
    active = models.BooleanField(default=False)
    return_window_days = models.PositiveSmallIntegerField(default=30)
    return_window_clause = models.TextField(default="Unused goods come back within 30 days of delivery.")
    non_returnable = models.JSONField(
        default=list, blank=True, help_text="Words in a product's name that make it non-returnable."
    )
    non_returnable_clause = models.TextField(
        blank=True, default="Final-sale goods and goods that cannot be resold do not come back."
    )
    return_fee = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    return_fee_clause = models.TextField(blank=True, default="A return costs nothing.")
    return_windows = models.JSONField(
        default=list, blank=True, validators=[valid_windows],
        help_text="Other windows by category or tier, one a line: “electronics: 14”, “vip: 60”, “electronics, vip: 30”.",
    )  # fmt: skip
    free_return_tiers = models.JSONField(
        default=list, blank=True, validators=[valid_tiers], help_text="Tiers whose returns cost nothing."
    )
    recommend_categories = models.JSONField(
        "categories to recommend",
        default=list,
        blank=True,
        help_text="Categories the AI may recommend from; none: every one.",
    )
    recommend_most = models.DecimalField(
        "dearest recommendation",
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        help_text="The dearest product the AI may recommend.",
    )
    lost_after_days = models.PositiveSmallIntegerField(default=7)
    lost_clause = models.TextField(
        blank=True, default="A parcel without a scan for 7 days counts as lost; we answer for it."
    )

    class Meta:
        verbose_name = "terms"
        verbose_name_plural = "terms"
        ordering = ["partner", "-number"]
        triggers = [
            only_by_release(
                "terms_by_release", kind="terms", partner="NEW.partner_id",
                update="to_jsonb(NEW) - 'active' <> to_jsonb(OLD) - 'active' OR (NEW.active AND NOT OLD.active)",
                insert="NEW.active AND EXISTS (SELECT 1 FROM policies_ruling WHERE partner_id = NEW.partner_id)",
                content=_AS_RELEASED,
            )
        ]  # fmt: skip
        constraints = [
            models.UniqueConstraint(fields=["partner", "number"], name="terms_number_per_partner"),
            models.UniqueConstraint(
                fields=["partner"], condition=models.Q(active=True), name="one_active_terms_per_partner"
            ),
            models.CheckConstraint(condition=models.Q(return_fee__gte=0), name="return_fee_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.partner} terms {self.number}"

    def window_for(self, category: str, tier: str) -> int:
        """Days in which goods of this category come back from a customer of this tier: the most exact line counts,
        a category before a tier, and of two that are as exact the shorter."""
        fitting = [
            (bool(window.category) * 2 + bool(window.tier), -window.days)
            for window in (read_window(line) for line in self.return_windows)
            if window.category in ("", category.lower()) and window.tier in ("", tier)
        ]
        return -max(fitting)[1] if fitting else self.return_window_days

    def as_json(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "return_windows": self.return_windows,
            "return_window_days": self.return_window_days,
            "return_fee": str(self.return_fee),
            "lost_after_days": self.lost_after_days,
        }
