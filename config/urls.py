"""Every address of Remit: Reach at the root, the admin, and the partner API under /api/v1/."""

from django.contrib import admin
from django.urls import include, path, re_path

from apps.interactions.api.problems import not_found

urlpatterns = [
    path("", include("apps.reach.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("apps.interactions.api.urls")),
    re_path(r"^api/", not_found),
]
