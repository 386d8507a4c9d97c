"""Classifiers that were trained anew: how each measured up to the one that read, and the buttons to adopt one and go back."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from apps.interactions.models import ReadingModel
from apps.learning import retraining
from apps.learning.admin.why import told
from apps.learning.models import Training
from apps.learning.outcomes import chance_in_words
from apps.policies.admin.base import ReadOnly, person
from apps.policies.models import Ramp


@admin.register(ReadingModel)
class ReadingModelAdmin(ReadOnly):
    nothing_yet = "The classifier that ships reads every message. Training proposes another one."
    list_display = ("version", "state", "made_at", "right", "labels", "corrected", "adopted_by")
    list_filter = ("state",)
    fields = (
        "version",
        "state",
        "made_at",
        "comparison",
        "labels",
        "corrected",
        "proposed_by",
        "adopted_by",
        "adopted_at",
    )
    readonly_fields = fields
    actions = ("adopt",)
    change_list_template = "admin/learning/classifiers.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        reads = ReadingModel.objects.filter(state=ReadingModel.State.CHAMPION).first()
        about = {"reads": reads, "training": Training.objects.first(), "may_adopt": self.has_adopt_permission(request)}
        return super().changelist_view(request, {**about, **(extra_context or {})})

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        back = path("go-back/", view(self.go_back), name="learning_classifier_back")
        train = path("train/", view(self.train), name="learning_classifier_train")
        return [back, train, *super().get_urls()]

    @method_decorator(require_POST)
    def go_back(self, request: HttpRequest) -> HttpResponse:
        return self._acted(
            request, lambda: retraining.go_back(person(request)) or "The classifier that ships reads again"
        )

    @method_decorator(require_POST)
    def train(self, request: HttpRequest) -> HttpResponse:
        return self._acted(request, lambda: f"{retraining.begin(person(request), timezone.now())}: a worker is at it")

    def _acted(self, request: HttpRequest, act: Callable[[], object]) -> HttpResponse:
        if not self.has_adopt_permission(request):
            raise PermissionDenied
        told(request, act)
        return redirect("admin:interactions_readingmodel_changelist")

    @admin.display(description="Read rightly")
    def right(self, row: ReadingModel) -> str:
        found = row.measured
        return f"{found['right_champion']:.1%} → {found['right_challenger']:.1%}"

    @admin.display(description="Beside the one that read then")
    def comparison(self, row: ReadingModel) -> str:
        found = {
            name: round(100 * value, 2) if isinstance(value, float) else value for name, value in row.measured.items()
        }
        chance = chance_in_words(row.measured["chance"])
        shown = {"found": found, "chance": chance, "against": row.against, "shadows": _shadows(row)}
        return render_to_string("admin/learning/_comparison.html", shown)

    @admin.action(description="Adopt: it reads once two people want it to", permissions=["adopt"])
    def adopt(self, request: HttpRequest, rows: QuerySet[ReadingModel]) -> None:
        for row in rows:
            told(request, partial(_adopted, person(request), row.pk))

    def has_adopt_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("interactions.adopt_readingmodel")


def _shadows(row: ReadingModel) -> list[dict[str, Any]]:
    """Of each grant, with its name; what would be stopped first."""
    found = retraining.shadows_of(row)
    grants = Ramp.objects.in_bulk([one.ramp for one in found])
    shown = [
        {"grant": grants[one.ramp], "shadow": one, "at_least": round(100 * one.at_least, 1)}
        for one in found
        if one.ramp in grants
    ]
    return sorted(shown, key=lambda one: -one["at_least"])


def _adopted(user: User, model_id: int) -> str:
    row = retraining.adopt(user, model_id)
    if row.state != row.State.CHAMPION:
        return f"{row} is proposed; another person has to agree"
    stopped = Ramp.objects.filter(stopped_at=row.adopted_at).count()
    return f"{row} reads from now on" + (f"; stopped until proven anew: {stopped} of the grants" if stopped else "")
