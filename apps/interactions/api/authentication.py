"""Bearer keys: who calls, for which partner, with which scopes."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, MethodNotAllowed, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from apps.interactions.models import ApiKey, UserToken
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


_S = TypeVar("_S", ApiKey, UserToken)


def _opened(rows: QuerySet[_S], kind: str, request: Request) -> _S | None:
    """The key or token that the request carries; None where it carries none of this kind."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    parts = given.strip().split("_", 2)
    if scheme.lower() != "bearer":
        return None
    found, now = None, timezone.now()
    if len(parts) == 3 and parts[0] == kind and "\x00" not in given:
        with suppress(rows.model.DoesNotExist):
            found = rows.get(prefix=parts[1])
    if found is None or not found.opens_with(parts[2], now):
        raise AuthenticationFailed("This API key is not known, has expired, or was revoked.")
    return found


def _used(row: ApiKey | UserToken) -> None:
    now = timezone.now()
    if row.last_used_at is None or now - row.last_used_at > _USE_NOTED_EVERY:
        type(row)._default_manager.filter(pk=row.pk).update(last_used_at=now)


class ApiKeyAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Caller, ApiKey] | None:
        key = _opened(ApiKey.objects.select_related("partner"), ApiKey.KIND, request)
        if key is None:
            return None
        if not key.may_call_from(client_address(request)):
            raise PermissionDenied("This key may not be used from this address.")
        _used(key)
        return Caller(key), key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Remit"'


def client_address(request: Request | HttpRequest) -> str:
    """Who calls. Behind proxies it is what the first of ours saw, counted from the end: what stands before it anybody can
    write."""
    proxies = settings.TRUSTED_PROXIES
    seen = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    return seen[-proxies] if proxies and len(seen) >= proxies else request.META.get("REMOTE_ADDR", "")


class UserTokenAuthentication(BaseAuthentication):
    """A person's own token: they are whom Reach would know, while they may log in."""

    def authenticate(self, request: Request) -> tuple[User, UserToken] | None:
        rows = UserToken.objects.filter(user__is_active=True).select_related("user__remit")
        token = _opened(rows, UserToken.KIND, request)
        if token is None:
            return None
        _used(token)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Remit"'


class HasScope(BasePermission):
    """Each view names the scope it needs per method; a view that names none is open to nobody."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not isinstance(request.user, Caller):
            return False
        scopes = getattr(view, "scopes", {})
        wanted = scopes.get("GET" if request.method == "HEAD" else request.method)
        if wanted is None and scopes:
            raise MethodNotAllowed(str(request.method))
        if wanted is None:
            return False
        self.message = f"This key lacks the scope {wanted}."
        return wanted in request.user.key.scopes
