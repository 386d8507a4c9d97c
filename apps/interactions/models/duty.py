"""Duty: who is on shift, on call or away, and the notices that call them."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from apps.policies.models import Partner


class Shift(models.Model):
    """A stretch of time in which somebody is there, may be called, or is away."""

    class Kind(models.TextChoices):
        ON = "on", "On shift"
        ON_CALL = "on_call", "On call"
        AWAY = "away", "Away"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="shifts")
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.ON)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["starts_at"]
        constraints = [models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="shift_ends_after_start")]
        indexes = [models.Index(fields=["ends_at", "starts_at"], name="shift_at")]

    def __str__(self) -> str:
        return f"{self.user} {self.get_kind_display().lower()} from {self.starts_at:%Y-%m-%d %H:%M}"


class Notice(models.Model):
    """Something that people on duty have to know now. It is raised once for its `key`; whoever sees to it acknowledges it,
    else those on call are called too."""

    class Kind(models.TextChoices):
        PUBLIC = "public", "Said in public"
        CLOCK = "clock", "Clocks running out"
        STALLED = "stalled", "Stalled cases"
        BREAKER = "breaker", "Breaker tripped"
        ENDING = "ending", "Boundary ends"
        OUTCOMES = "outcomes", "Outcomes got worse"
        AGAIN = "again", "Grant begins again"
        MAIL = "mail", "Reply undelivered"
        WEBHOOK = "webhook", "Webhook stopped"

    kind = models.CharField(max_length=8, choices=Kind.choices)
    key = models.CharField(max_length=120, unique=True)
    partner = models.ForeignKey(Partner, null=True, on_delete=models.CASCADE, related_name="+")
    case_type = models.CharField(max_length=30, blank=True)
    for_seniors = models.BooleanField(default=False)
    text = models.CharField(max_length=300)
    path = models.CharField(max_length=200, help_text="Where to look, as an address of ours.")
    raised_at = models.DateTimeField()
    called_at = models.DateTimeField(null=True, help_text="When those on call were called because nobody saw to it.")
    acknowledged_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    acknowledged_at = models.DateTimeField(null=True)
    over_at = models.DateTimeField(null=True, help_text="When what it tells of was over by itself.")

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["raised_at"],
                condition=Q(acknowledged_at__isnull=True, over_at__isnull=True),
                name="notice_open",
            )
        ]

    def __str__(self) -> str:
        return self.text


class Delivery(models.Model):
    """One notice to one person, or to the house's webhook: sent, or why not yet."""

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="deliveries")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    channel = models.CharField(max_length=8, choices=[("email", "E-mail"), ("webhook", "Webhook")])
    made_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(default=timezone.now, help_text="When it is tried next.")
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["notice", "user", "channel"], name="one_delivery", nulls_distinct=False)
        ]

    def __str__(self) -> str:
        return f"{self.notice_id} by {self.channel}"
