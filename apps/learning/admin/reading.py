"""Classifiers that were trained anew: how each measured up to the one that read, and the buttons to adopt one and go back."""

from functools import partial

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string

from apps.interactions.models import ReadingModel
from apps.learning import retraining
from apps.learning.admin.why import told
from apps.policies.admin.base import ReadOnly, person


@admin.register(ReadingModel)
class ReadingModelAdmin(ReadOnly):
    list_display = ("version", "state", "made_at", "right", "labels", "corrected", "adopted_by")
    list_filter = ("state",)
    fields = ("version", "state", "made_at", "comparison", "labels", "corrected", "adopted_by", "adopted_at")
    readonly_fields = fields
    actions = ("adopt", "go_back", "train_anew")

    @admin.display(description="Read rightly")
    def right(self, row: ReadingModel) -> str:
        found = row.measured
        return f"{found['right_champion']:.1%} → {found['right_challenger']:.1%}"

    @admin.display(description="Beside the one that read then")
    def comparison(self, row: ReadingModel) -> str:
        found = {
            name: round(100 * value, 2) if isinstance(value, float) else value for name, value in row.measured.items()
        }
        return render_to_string("admin/learning/_comparison.html", {"found": found, "against": row.against})

    @admin.action(description="Adopt: it reads from now on", permissions=["adopt"])
    def adopt(self, request: HttpRequest, rows: QuerySet[ReadingModel]) -> None:
        for row in rows:
            told(request, partial(retraining.adopt, person(request), row.pk))

    @admin.action(description="Go back to the one before", permissions=["adopt"])
    def go_back(self, request: HttpRequest, rows: QuerySet[ReadingModel]) -> None:
        told(request, partial(retraining.go_back, person(request)))

    @admin.action(description="Train anew now", permissions=["adopt"])
    def train_anew(self, request: HttpRequest, rows: QuerySet[ReadingModel]) -> None:
        told(request, partial(retraining.ask, person(request)))

    def has_adopt_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("interactions.adopt_readingmodel")
