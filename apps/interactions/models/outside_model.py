"""Outside models: endpoints that read messages or write replies, who opted in, what each call asked and cost."""

from __future__ import annotations

import ipaddress
import re
import socket
from datetime import datetime
from decimal import Decimal
from urllib.parse import urlsplit

import pgtrigger
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from apps.policies.models import Partner
from apps.policies.models.audit import no_truncate

KEY_PREFIX = "REMIT_MODEL_KEY"
_KEY_VARIABLE = re.compile(rf"{KEY_PREFIX}[A-Z0-9_]*")
_LOCAL_NAMES = ("localhost", "localhost.localdomain", "ip6-localhost")
MOST_SLOTS = 64


def valid_base_url(text: str) -> None:
    """An http or https address without user, query or fragment, on no loopback or link-local host."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValidationError(f"This address cannot be read: {error}.") from error
    if parts.scheme not in ("http", "https") or not host:
        raise ValidationError("Write the address like https://models.example/v1.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValidationError(
            "The address holds no user, key, query or fragment; the key is read from the environment."
        )
    reason = _unreachable_by_rule(host)
    if reason:
        raise ValidationError(reason)


def _unreachable_by_rule(host: str) -> str:
    local_allowed = getattr(settings, "OUTSIDE_MODELS_MAY_BE_LOCAL", settings.DEBUG)
    address = _address(host)
    is_local = host.rstrip(".").lower() in _LOCAL_NAMES or host.rstrip(".").lower().endswith(".localhost")
    if address is not None:
        if address.is_link_local or address.is_multicast:
            return "This address belongs to the machine's own network services."
        is_local = address.is_loopback or address.is_unspecified
    return "A model on this very machine is for development only." if is_local and not local_allowed else ""


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host is written as, in any of the ways that a resolver takes (127.1, 0x7f000001)."""
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError:
            return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def valid_key_variable(name: str) -> None:
    """Only variables made for this: any other secret of the process must not be sent to an address somebody typed."""
    if not _KEY_VARIABLE.fullmatch(name):
        raise ValidationError(f"The name starts with {KEY_PREFIX}, like {KEY_PREFIX}_MAIN.")


def _money_field(**options: object) -> models.DecimalField[Decimal, Decimal]:
    """US dollars with six decimals: a short call costs less than a cent."""
    return models.DecimalField(max_digits=12, decimal_places=6, **options)  # type: ignore[arg-type]


class OutsideModel(models.Model):
    """One model at one OpenAI-compatible endpoint, with what bounds its use.

    `failures` and `open_until` are the circuit breaker, shared by every process: after `failures_to_open` in a row
    nobody calls until `open_until`; then one call probes.
    """

    class Style(models.TextChoices):
        PLAIN = "plain", "Most servers: max_tokens, temperature 0"
        REASONING = "reasoning", "Reasoning models: max_completion_tokens, no temperature"

    name = models.CharField(max_length=60, unique=True, help_text="What rulings call it, such as “reader-eu”.")
    base_url = models.CharField(
        max_length=200,
        validators=[valid_base_url],
        help_text="Up to and with the version, like https://models.example/v1.",
    )
    model = models.CharField(max_length=100, help_text="The endpoint's own name of the model.")
    key_variable = models.CharField(
        max_length=60, blank=True, validators=[valid_key_variable],
        help_text=f"The environment variable that holds the key; starts with {KEY_PREFIX}. Empty: it needs none.",
    )  # fmt: skip
    style = models.CharField(max_length=10, choices=Style.choices, default=Style.PLAIN)
    may_classify = models.BooleanField(default=True, help_text="It may read messages.")
    may_draft = models.BooleanField(default=True, help_text="It may write replies.")
    active = models.BooleanField(default=True, help_text="Off: no brand's cases are sent to it.")
    timeout_seconds = models.FloatField(
        default=6, validators=[MinValueValidator(0.1), MaxValueValidator(30)], help_text="For one attempt."
    )
    retries = models.PositiveSmallIntegerField(
        default=1, validators=[MaxValueValidator(4)], help_text="Further attempts after a fault that may pass."
    )
    price_in = _money_field(default=Decimal(0), help_text="US dollars for a million tokens sent.")
    price_out = _money_field(default=Decimal(0), help_text="US dollars for a million tokens received.")
    daily_cap = _money_field(default=Decimal(5), help_text="US dollars a brand may spend on it in one day.")
    at_once = models.PositiveSmallIntegerField(
        default=4, validators=[MinValueValidator(1), MaxValueValidator(MOST_SLOTS)],
        help_text="Calls at one moment, over all workers.",
    )  # fmt: skip
    failures_to_open = models.PositiveSmallIntegerField(
        default=5,
        validators=[MinValueValidator(1)],
        help_text="Faults in a row after which it is left alone for a while.",
    )
    pause_seconds = models.PositiveIntegerField(
        default=30, help_text="How long it is left alone before one call tries it."
    )
    failures = models.PositiveIntegerField(default=0, editable=False)
    open_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(base_url__regex=r"^https?://"), name="outside_model_http"),
            models.CheckConstraint(
                condition=Q(key_variable="") | Q(key_variable__regex=rf"^{KEY_PREFIX}[A-Z0-9_]*$"),
                name="outside_model_key_variable",
            ),
            models.CheckConstraint(
                condition=Q(price_in__gte=0, price_out__gte=0, daily_cap__gte=0), name="outside_model_money"
            ),
            models.CheckConstraint(condition=Q(at_once__gte=1, at_once__lte=MOST_SLOTS), name="outside_model_slots"),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if not (self.may_classify or self.may_draft):
            raise ValidationError("Let it read, write, or both; or make it inactive.")

    def is_open(self, now: datetime) -> bool:
        """Whether the breaker keeps everybody away at `now`."""
        return self.open_until is not None and self.open_until > now


class ModelOptIn(models.Model):
    """A brand's own decision that an outside model may see masked words of its customers."""

    partner = models.OneToOneField(Partner, on_delete=models.PROTECT, related_name="+")
    model = models.ForeignKey(OutsideModel, on_delete=models.PROTECT, related_name="opt_ins")
    classify = models.BooleanField(default=False, help_text="It reads messages beside the built-in classifier.")
    draft = models.BooleanField(default=False, help_text="It writes replies, which leave only when all is grounded.")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )
    at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "opt-in to an outside model"
        verbose_name_plural = "opt-ins to outside models"
        ordering = ["partner_id"]

    def __str__(self) -> str:
        return f"{self.partner}: {self.model}"


class ModelSpend(models.Model):
    """What one brand has spent on one model in one day, with what calls under way may still cost."""

    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="+")
    model = models.ForeignKey(OutsideModel, on_delete=models.PROTECT, related_name="+")
    day = models.DateField(help_text="In the brand's time zone.")
    spent = _money_field(default=Decimal(0))
    cap = _money_field(help_text="The daily cap when it last spent.")
    calls = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "model spending"
        ordering = ["-day", "partner_id"]
        constraints = [
            models.UniqueConstraint(fields=["partner", "model", "day"], name="one_spend_per_partner_model_day"),
            models.CheckConstraint(condition=Q(spent__gte=0, spent__lte=F("cap")), name="spend_within_cap"),
        ]

    def __str__(self) -> str:
        return f"{self.partner} {self.day}: {self.spent}"


class ModelCall(models.Model):
    """One call: what was asked and answered, masked, what it cost and what became of it.

    Kept as it is, except that the two texts can be emptied when a customer is to be forgotten.
    """

    class Purpose(models.TextChoices):
        CLASSIFY = "classify", "Read a message"
        DRAFT = "draft", "Write a reply"

    class Outcome(models.TextChoices):
        USED = "used", "Used"
        TIMEOUT = "timeout", "Too slow"
        UNREACHABLE = "unreachable", "No connection"
        FAULT = "fault", "The server reported a fault"
        REJECTED = "rejected", "The server rejected the request"
        BROKEN = "broken", "Not an answer of this protocol"
        TOO_LARGE = "too_large", "Longer than an answer can be"
        CUT_OFF = "cut_off", "Cut off"
        WRONG_SHAPE = "wrong_shape", "Not what was asked for"
        TOOL = "tool", "Asked for a tool"
        ODD = "odd", "No reply that could be sent"
        UNGROUNDED = "ungrounded", "Says what nobody knows"
        NOT_CALLED = "not_called", "Could not be called"

    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="+")
    model = models.ForeignKey(OutsideModel, on_delete=models.PROTECT, related_name="calls")
    subject = models.CharField(max_length=64, db_index=True, help_text="The case, by its reference.")
    purpose = models.CharField(max_length=10, choices=Purpose.choices)
    model_name = models.CharField(max_length=160, help_text="Name and model as they were.")
    prompt = models.TextField(help_text="What was sent, masked.")
    answer = models.TextField(blank=True, help_text="What came back, masked, at most its first 4,000 characters.")
    tokens_in = models.PositiveIntegerField(null=True)
    tokens_out = models.PositiveIntegerField(null=True)
    cost = _money_field(help_text="US dollars; the most it may have cost where the server did not say.")
    seconds = models.FloatField()
    outcome = models.CharField(max_length=12, choices=Outcome.choices)
    detail = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        triggers = [
            pgtrigger.ReadOnly(name="what_was_called", exclude=["prompt", "answer"]),
            pgtrigger.Protect(
                name="texts_can_only_be_emptied",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "((NEW.prompt <> '' AND NEW.prompt IS DISTINCT FROM OLD.prompt)"
                    " OR (NEW.answer <> '' AND NEW.answer IS DISTINCT FROM OLD.answer))"
                ),
            ),
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            no_truncate(),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()}: {self.get_outcome_display()}"
