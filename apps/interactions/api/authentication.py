"""Bearer keys: who calls, for which partner, with which scopes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from apps.interactions.models import ApiKey
from apps.policies import audit
from apps.policies.models import Partner

if TYPE_CHECKING:
    from rest_framework.views import APIView  # at run time DRF imports this module while it loads its views

_USE_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Caller:
    """A key that opened the door, in place of a user."""

    key: ApiKey
    is_authenticated: bool = True

    @property
    def partner(self) -> Partner:
        return self.key.partner

    @property
    def actor(self) -> audit.Actor:
        return audit.key(f"rk_{self.key.prefix}")


class ApiKeyAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Caller, ApiKey] | None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        parts = given.strip().split("_", 2)
        key = None
        if len(parts) == 3 and parts[0] == "rk":
            key = ApiKey.objects.select_related("partner").filter(prefix=parts[1]).first()
        now = timezone.now()
        if key is None or not key.opens_with(parts[2], now):
            raise AuthenticationFailed("This API key is not known, has expired, or was revoked.")
        if not key.may_call_from(client_address(request)):
            raise PermissionDenied("This key may not be used from this address.")
        if key.last_used_at is None or now - key.last_used_at > _USE_NOTED_EVERY:
            ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
        return Caller(key), key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Remit"'


def client_address(request: Request) -> str:
    """Who calls. Behind proxies it is what the first of ours saw, counted from the end: what stands before it anybody can
    write."""
    proxies = settings.TRUSTED_PROXIES
    seen = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    return seen[-proxies] if proxies and len(seen) >= proxies else request.META.get("REMOTE_ADDR", "")


class HasScope(BasePermission):
    """Each view names the scope it needs per method; a view that names none is open to nobody."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        wanted = getattr(view, "scopes", {}).get(request.method)
        if not isinstance(request.user, Caller) or wanted is None:
            return False
        self.message = f"This key lacks the scope {wanted}."
        return wanted in request.user.key.scopes
