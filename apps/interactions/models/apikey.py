"""API keys of partners: `rk_<prefix>_<secret>`, of which only the secret's hash is kept."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from datetime import datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models

from apps.policies.models import Partner


class Scope(models.TextChoices):
    INTERACTIONS_WRITE = "interactions:write", "Send interactions and customers' messages"
    INTERACTIONS_READ = "interactions:read", "Read interactions"
    SENDERS_VOUCH = "senders:vouch", "Say that a sender is who they are, and which order they write about"
    AGENT_WRITE = "agent:write", "Send messages by agents and bots"
    OMS_WRITE = "oms:write", "Send customers, orders and courier events"
    OUTCOMES_WRITE = "outcomes:write", "Report outcomes, and bring past cases along"
    ACTIONS_RESULT = "actions:result", "Report what became of an action"
    RULINGS_READ = "rulings:read", "Ask what the boundary would say"
    WEBHOOKS_WRITE = "webhooks:write", "Manage webhooks, and read what was delivered"
    KEYS_ROTATE = "keys:rotate", "Replace itself by a new key"
    PAUSES_WRITE = "pauses:write", "Pause the AI for the brand"


def hashed(secret: str) -> str:
    """SHA-256 of a 256-bit random secret: there is nothing to guess, so no slow hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def valid_networks(names: object) -> None:
    for name in names if isinstance(names, list) else [names]:
        try:
            ipaddress.ip_network(str(name), strict=False)
        except ValueError:
            raise ValidationError(f"“{name}” is no address or network; write 203.0.113.7 or 203.0.113.0/24.") from None


class Secret(models.Model):
    """What opens a door to who sends it: `<kind>_<prefix>_<secret>`, of which only the secret's hash is kept."""

    KIND: str

    prefix = models.CharField(max_length=12, unique=True, editable=False)
    secret_hash = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    def mark(self) -> str:
        """What everybody sees of it: its prefix begins with this."""
        return ""

    def issue(self) -> str:
        """Give an unsaved one its prefix and secret, and return the whole, which is kept in memory only."""
        secret = secrets.token_urlsafe(32)
        self.prefix = self.mark() + secrets.token_hex(4)
        self.secret_hash = hashed(secret)
        self.issued = f"{self.KIND}_{self.prefix}_{secret}"
        return self.issued

    def is_usable(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)

    def opens_with(self, secret: str, now: datetime) -> bool:
        if not self.is_usable(now):
            return False
        return hmac.compare_digest(self.secret_hash, hashed(secret))


class ApiKey(Secret):
    KIND = "rk"

    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=80, help_text="What uses this key, such as “shop back end”.")
    scopes = models.JSONField(default=list)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.PROTECT)
    networks = models.JSONField(
        "may be used from", default=list, blank=True, validators=[valid_networks],
        help_text="Addresses or networks, like 203.0.113.7 or 203.0.113.0/24. Empty: from everywhere.",
    )  # fmt: skip
    calls_a_minute = models.PositiveIntegerField(default=6000, validators=[MinValueValidator(1)])
    replaces = models.OneToOneField(
        "self", null=True, editable=False, on_delete=models.PROTECT, related_name="replaced_by"
    )

    class Meta:
        verbose_name = "API key"
        verbose_name_plural = "API keys"
        ordering = ["partner_id", "name"]
        permissions = [("onboard_brand", "Can make a new brand")]

    def __str__(self) -> str:
        return f"{self.name} (rk_{self.prefix}_…)"

    def mark(self) -> str:
        return "test" if self.partner.sandbox_of_id else ""

    def may_call_from(self, address: str) -> bool:
        if not self.networks:
            return True
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        found = getattr(found, "ipv4_mapped", None) or found  # as a socket of both kinds tells an IPv4 address
        return any(found in ipaddress.ip_network(network, strict=False) for network in self.networks)


class UserToken(Secret):
    """A person's own, for tools of theirs: `ru_…`. It may what they may in Reach, and ends with their log-in."""

    KIND = "ru"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens", editable=False)
    name = models.CharField(max_length=80, help_text="What uses it, such as “my desktop app”.")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.name} (ru_{self.prefix}_…)"
