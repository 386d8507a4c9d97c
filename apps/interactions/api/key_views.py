"""A key's own rotation by API."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.interactions import keys
from apps.interactions.api.endpoint import Endpoint, caller
from apps.interactions.models import ApiKey, Scope


class KeyOut(serializers.ModelSerializer[ApiKey]):
    """`key` is in this answer and nowhere else."""

    key = serializers.CharField(
        source="issued", read_only=True, allow_null=True, help_text="Null when it is told again."
    )
    old_key_ends_at = serializers.DateTimeField(source="replaces.expires_at", read_only=True)

    class Meta:
        model = ApiKey
        fields: Any = ["key", "prefix", "name", "scopes", "networks", "calls_a_minute", "expires_at", "old_key_ends_at"]


class RotateKey(Endpoint):
    """A new key in place of the one that calls, with the same scopes. The old one opens for a day more."""

    scopes = {"POST": Scope.KEYS_ROTATE}
    gives = {"POST": {201: KeyOut}}
    secrets = ("key",)

    def post(self, request: Request) -> Response:
        made = keys.replace(caller(request).key.pk, actor=caller(request).actor, now=timezone.now())
        return Response(KeyOut(made).data, status=201)
