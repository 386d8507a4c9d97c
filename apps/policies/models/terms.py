"""Terms: a partner's policies as typed values, versioned and released like a boundary."""

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from apps.policies.facts import TIERS
from apps.policies.models.partner import OF_SANDBOX, Partner
from apps.policies.models.partner_release import only_by_release


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
        ordering = ["partner_id", "-number"]
        triggers = [
            only_by_release(
                "terms_by_release", kind="terms", partner="NEW.partner_id",
                update=f"NOT {OF_SANDBOX} AND (to_jsonb(NEW) - 'active' <> to_jsonb(OLD) - 'active' "
                "OR (NEW.active AND NOT OLD.active))",
                insert=f"NOT {OF_SANDBOX} AND NEW.active "
                "AND EXISTS (SELECT 1 FROM policies_ruling WHERE partner_id = NEW.partner_id)",
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
