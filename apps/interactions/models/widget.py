"""The chat that a brand puts into its pages."""

from __future__ import annotations

import re
import uuid

from django.core.exceptions import ValidationError
from django.db import models

from apps.policies.models import Partner

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?")


def valid_origins(origins: object) -> None:
    for origin in origins if isinstance(origins, list) else [origins]:
        if not _ORIGIN.fullmatch(str(origin)):
            raise ValidationError(f"“{origin}” is no site; write it like https://shop.example, without what follows.")


def valid_colour(text: str) -> None:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise ValidationError("A colour is written like #0f766e.")


class ChatWidget(models.Model):
    reference = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    partner = models.OneToOneField(Partner, on_delete=models.PROTECT, related_name="widget")
    enabled = models.BooleanField(default=True)
    origins = models.JSONField(
        "sites", default=list, blank=True, validators=[valid_origins],
        help_text="That may show the chat, like https://shop.example. None: only its own page.",
    )  # fmt: skip
    greeting = models.CharField(max_length=200, default="Hello! How can we help?")
    colour = models.CharField(max_length=7, default="#0f766e", validators=[valid_colour])

    def __str__(self) -> str:
        return f"Chat of {self.partner}"
