"""Every address of Remit: Reach at the root, the admin, and the partner API under /api/v1/."""

from django.contrib import admin
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from apps.interactions.admin import onboarding
from apps.interactions.api.problems import not_found
from apps.interactions.chat import views as chat
from apps.interactions.shops import hooks

handler400 = "apps.interactions.api.problems.bad_request"

urlpatterns = [
    path("", include("apps.reach.urls")),
    path("admin/", include((onboarding.urls(admin.site), "onboarding"))),
    path("admin/", admin.site.urls),
    path("chat/", include((chat.urls, "chat"))),
    path("hooks/shops/<uuid:reference>/", hooks.take, name="shop-hook"),
    path("api/v1/", include("apps.interactions.api.urls")),
    path("api/v1/reach/", include("apps.reach.api")),
    path("api/v1/schema/", SpectacularAPIView.as_view(), name="schema"),
    path(
        "api/v1/docs/",
        SpectacularSwaggerSplitView.as_view(url_name="schema", http_method_names=["get", "head"]),
        name="api-docs",
    ),
    re_path(r"^api/", not_found),
]
