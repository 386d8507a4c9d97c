"""Sign-ins, sign-outs and failed sign-ins leave an audit row."""

from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.utils import timezone

from apps.policies import audit
from apps.policies.models.audit import AuditEntry


def connect() -> None:
    user_logged_in.connect(_signed_in, dispatch_uid="audit_signed_in")
    user_logged_out.connect(_signed_out, dispatch_uid="audit_signed_out")
    user_login_failed.connect(_failed, dispatch_uid="audit_sign_in_failed")


def _signed_in(sender: object, user: User, **kwargs: Any) -> None:
    audit.record(audit.person(user), user, "signed_in")


def _signed_out(sender: object, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        audit.record(audit.person(user), user, "signed_out")


def _failed(sender: object, credentials: dict[str, Any], **kwargs: Any) -> None:
    AuditEntry.objects.create(
        at=timezone.now(),
        actor_kind=AuditEntry.ActorKind.SYSTEM,
        actor="sign-in",
        subject_type="auth.user",
        subject_id=str(credentials.get("username", ""))[:64],
        event="sign_in_failed",
        correlation_id=audit.correlation_id(),
    )
