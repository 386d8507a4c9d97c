from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse


class RemitAdminSite(admin.AdminSite):
    """The admin, in Remit's own dress."""

    site_header = "Remit"
    site_title = "Remit"
    index_title = "Boundaries, partners and operations"
    site_url = "/"
    enable_nav_sidebar = True

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There is one sign-in page. Who is signed in and comes here all the same is not staff."""
        if request.user.is_authenticated:
            raise PermissionDenied
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"), reverse("reach:sign-in"))
