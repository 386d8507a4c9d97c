"""Who is signed in: Django's own backend, which reads a person together with their remit, and their rights in one query."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission, User
from django.db.models import Q


class StaffBackend(ModelBackend):
    """Every request asks who somebody is, what their remit is and what they may do: two queries instead of four."""

    def get_user(self, user_id: Any) -> User | None:
        user = User.objects.select_related("remit").filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        if not user_obj.is_active or user_obj.is_anonymous or obj is not None or user_obj.is_superuser:
            return super().get_all_permissions(user_obj, obj)
        if not hasattr(user_obj, "_perm_cache"):
            held = Permission.objects.filter(Q(user=user_obj) | Q(group__user=user_obj)).order_by()
            names = held.values_list("content_type__app_label", "codename")
            user_obj._perm_cache = {f"{label}.{codename}" for label, codename in names}
        found: set[str] = user_obj._perm_cache
        return found
