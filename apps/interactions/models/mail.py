"""Mail: a brand's mailbox, every mail that came or left by it, and what waits to leave."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from apps.interactions.models.interaction import Interaction
from apps.interactions.models.polled import Polled
from apps.interactions.models.work import OutboxEvent
from apps.policies.models import Partner


class Security(models.TextChoices):
    TLS = "tls", "TLS from the start"
    STARTTLS = "starttls", "STARTTLS"
    NONE = "none", "None (this machine only)"


def valid_host(name: str) -> None:
    if not name.isascii() or any(c.isspace() or c in "/:@" for c in name):
        raise ValidationError("Write the name of a server, like imap.example.com.")


def _port(default: int) -> models.PositiveIntegerField[int, int]:
    return models.PositiveIntegerField(
        "port", default=default, validators=[MinValueValidator(1), MaxValueValidator(65535)]
    )


class MailBox(Polled):
    """Where a brand's customers write to, and how its replies leave. The passwords are sealed (vault.py)."""

    Security = Security
    EVERY, LONGEST_WAIT = timedelta(seconds=20), timedelta(minutes=30)

    partner = models.OneToOneField(Partner, on_delete=models.PROTECT, related_name="mailbox")
    address = models.EmailField(unique=True, help_text="That customers write to; replies come from it.")
    imap_host = models.CharField("server", max_length=200, validators=[valid_host])
    imap_port = _port(993)
    imap_security = models.CharField("security", max_length=8, choices=Security.choices, default=Security.TLS)
    imap_user = models.CharField("user", max_length=200)
    imap_password = models.TextField(editable=False)
    imap_folder = models.CharField("folder", max_length=100, default="INBOX")
    smtp_host = models.CharField("server", max_length=200, validators=[valid_host])
    smtp_port = _port(587)
    smtp_security = models.CharField("security", max_length=8, choices=Security.choices, default=Security.STARTTLS)
    smtp_user = models.CharField("user", max_length=200, blank=True)
    smtp_password = models.TextField(blank=True, editable=False)
    vouched_by = models.CharField(
        "checked by", max_length=200, blank=True, validators=[valid_host],
        help_text="The server that checks who sent a mail, as it names itself in “Authentication-Results”. Without it no "
        "sender is taken for who they say they are.",
    )  # fmt: skip
    paused = models.BooleanField(default=False, help_text="Nothing is fetched and nothing leaves.")
    validity = models.BigIntegerField(null=True, editable=False, help_text="UIDVALIDITY of the folder.")
    read_to = models.BigIntegerField(default=0, editable=False, help_text="The last UID that was read.")

    class Meta:
        verbose_name_plural = "mailboxes"
        indexes = [models.Index(fields=["next_at"], name="mailbox_next")]

    def __str__(self) -> str:
        return self.address

    def clean(self) -> None:
        if self.partner_id and self.partner.sandbox_of_id is not None:
            raise ValidationError({"partner": "A sandbox has no mailbox: nothing leaves it."})
        if "+" in self.address:
            raise ValidationError({"address": "Leave the + out: what stands after it names a case."})


class MailKind(models.TextChoices):
    MESSAGE = "message", "From a person"
    AUTOMATIC = "automatic", "Automatic answer"
    BOUNCE = "bounce", "Could not be delivered"
    LIST = "list", "Mailing list"
    OWN = "own", "Our own, come back"
    UNREADABLE = "unreadable", "Could not be read"
    REPLY = "reply", "Our reply"


HEARD = (MailKind.MESSAGE, MailKind.UNREADABLE)  # what a customer wrote, readable or not


class Mail(models.Model):
    """One mail that came, or left: what threads are found by, and what makes the same mail once more nothing new."""

    Kind = MailKind

    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="+")
    interaction = models.ForeignKey(Interaction, null=True, on_delete=models.PROTECT, related_name="mails")
    message_id = models.CharField(max_length=400)
    digest = models.CharField(
        max_length=40, blank=True, help_text="Of sender, subject and text: what two of one id differ in."
    )
    kind = models.CharField(max_length=12, choices=MailKind.choices)
    party = models.EmailField(blank=True, help_text="Who wrote it, or to whom it went.")
    subject = models.CharField(max_length=300, blank=True)
    note = models.TextField(blank=True, help_text="What was unusual about it.")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["partner", "message_id"], name="mail_once"),
            models.CheckConstraint(condition=Q(kind__in=MailKind.values), name="mail_kind_in_list"),
        ]
        indexes = [models.Index(fields=["partner", "party", "at"], name="mail_of_party")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.subject}"


class OutgoingStatus(models.TextChoices):
    WAITING = "waiting", "Waiting"
    SENT = "sent", "Sent"
    GAVE_UP = "gave_up", "Given up"


class OutgoingMail(models.Model):
    """One reply on its way by SMTP. Each try has the same Message-ID, so a mail that came twice is known as one."""

    Status = OutgoingStatus

    event = models.OneToOneField(OutboxEvent, null=True, on_delete=models.SET_NULL, related_name="mail")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="+")
    interaction = models.ForeignKey(Interaction, on_delete=models.PROTECT, related_name="outgoing_mails")
    name = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    text = models.TextField()
    status = models.CharField(max_length=8, choices=OutgoingStatus.choices, default=OutgoingStatus.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    made_at = models.DateTimeField()
    next_at = models.DateTimeField(null=True)
    token = models.UUIDField(null=True)
    ended_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=OutgoingStatus.values), name="outgoing_mail_status")
        ]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(status="waiting"), name="outgoing_mail_waiting"),
            models.Index(fields=["interaction", "id"], name="outgoing_mail_of_case"),
        ]

    def __str__(self) -> str:
        return f"{self.get_status_display()}: {self.text[:40]}"
