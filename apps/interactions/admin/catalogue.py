"""What the AI answers with: articles, written here or sent by API, and the mirrored catalogue; a brand's alarm words."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from apps.interactions import catalogue
from apps.interactions.models import AlarmWord, Article, Product
from apps.policies.admin.base import Audited, OfPartners, ReadOnly


@admin.register(Article)
class ArticleAdmin(OfPartners, Audited):
    nothing_yet = "Nothing to cite yet. Replies rest on what is written here, and on the facts of the case."
    ordering = ("partner__name", "title")
    list_display = ("title", "partner", "published", "passages_cut", "as_of")
    list_filter = ("partner", "published")
    search_fields = ("title", "body")
    prepopulated_fields = {"slug": ("title",)}
    fields = ("partner", "title", "slug", "published", "body")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Article]:
        rows: QuerySet[Article] = super().get_queryset(request)
        return rows.select_related("partner").annotate(cut=Count("passages"))

    @admin.display(description="passages", ordering="cut")
    def passages_cut(self, row: Any) -> int:
        return int(row.cut)

    def save_model(self, request: HttpRequest, obj: Article, form: Any, change: bool) -> None:
        catalogue.save_article(obj, as_of=timezone.now())


@admin.register(Product)
class ProductAdmin(OfPartners, ReadOnly):
    nothing_yet = "No product yet. They come in by the API."
    list_display = ("sku", "name", "partner", "category", "price", "currency", "in_stock", "as_of")
    list_filter = ("partner", "in_stock", "category")
    search_fields = ("=sku", "name")


@admin.register(AlarmWord)
class AlarmWordAdmin(OfPartners, Audited):
    """Words are only ever added: taking one away would let the AI answer what a person answers now."""

    nothing_yet = "No words of a brand's own yet. Each one adds to the alarms that ship, and takes none away."
    ordering = ("partner__name", "alarm", "word")
    list_display = ("word", "alarm", "partner", "created_at")
    list_filter = ("partner", "alarm")

    def has_change_permission(self, request: HttpRequest, obj: AlarmWord | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AlarmWord | None = None) -> bool:
        return False
