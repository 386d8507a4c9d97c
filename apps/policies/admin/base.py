"""What every admin class of ours has in common: changes leave audit rows, and records can only be read."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.text import capfirst

from apps.policies import audit
from apps.policies.models import Boundary, Partner, partner_ids_of

if TYPE_CHECKING:  # the stubs know of the rows' type, Django's own classes take none
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
else:
    ModelAdmin, TabularInline = admin.ModelAdmin, admin.TabularInline


def person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the admin lets nobody else in
    return request.user


class Moment(forms.DateTimeInput):
    """A date and a time, to the minute, in the browser's own box."""

    input_type = "datetime-local"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, "%Y-%m-%dT%H:%M")


class Titled(ModelAdmin):
    """Pages are headed by what they show: the plural over a list, the row's own name over a row. `nothing_yet` says in an
    empty list what brings rows."""

    nothing_yet = ""
    formfield_overrides = {models.DateTimeField: {"form_class": forms.DateTimeField, "widget": Moment}}

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **options)
        if isinstance(field, forms.DateTimeField):
            field.help_text = f"{field.help_text} In {timezone.get_current_timezone_name()}.".strip()
        return field

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = capfirst(str(self.opts.verbose_name_plural))
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any) -> Any:
        if context["original"] is not None:
            context |= {"title": str(context["original"]), "subtitle": None}
        return super().render_change_form(request, context, *args, **options)


class Audited(Titled):
    """Writes an audit row for each addition, change and deletion made in the admin."""

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        request._remit_changes = {  # type: ignore[attr-defined]
            name: [_plain(form.initial.get(name)), _plain(form.cleaned_data.get(name))]
            for name in form.changed_data
            if getattr(form.fields[name].widget, "input_type", "") != "password"
        }
        return super().construct_change_message(request, form, formsets, add)

    def log_addition(self, request: HttpRequest, obj: models.Model, message: Any) -> Any:
        audit.record(audit.person(person(request)), obj, "admin_added", details=_changes(request, message))
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: models.Model, message: Any) -> Any:
        audit.record(audit.person(person(request)), obj, "admin_changed", details=_changes(request, message))
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for obj in queryset:
            audit.record(audit.person(person(request)), obj, "admin_deleted", reason=str(obj))
        return super().log_deletions(request, queryset)


def _changes(request: HttpRequest, message: Any) -> dict[str, Any]:
    """What was changed, and each field from what to what; a password is never among them."""
    fields = {name: pair for name, pair in getattr(request, "_remit_changes", {}).items() if "password" not in name}
    return {"changes": message if isinstance(message, list) else str(message), "fields": fields}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int | bool):
        return value
    if isinstance(value, models.QuerySet | list | tuple | set):
        return [_plain(item) for item in value]
    return str(value)


class ReadOnly(Titled):
    """Rows that the system writes: they can be looked up, never changed here."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def partner_ids(request: HttpRequest) -> list[int] | None:
    """The partners whose rows this person may see in the admin; None for all."""
    return partner_ids_of(person(request))


def number_in(text: str) -> int | None:
    """A whole number that somebody typed or an address holds, of at most nine digits; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None


def text_in(request: HttpRequest, name: str) -> str:
    """A posted text that the database can hold."""
    return request.POST.get(name, "").replace("\x00", "").strip()


def brands_in_words(boundary: Boundary, user: User) -> str:
    """The brands of a boundary that a person may know of by name, and how many there are besides."""
    allowed = partner_ids_of(user)
    names = dict(boundary.partner_set.real().values_list("pk", "name"))
    seen = [name for pk, name in names.items() if allowed is None or pk in allowed]
    others = len(names) - len(seen)
    besides = f"{others} other brand{'s' if others > 1 else ''}" if others else ""
    return ", ".join(filter(None, [*seen, besides]))


class OwnPartners(admin.RelatedFieldListFilter):
    """Offers the brands of the person's remit alone: the others' names are not theirs to know."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        allowed = partner_ids(request)
        limited = {} if allowed is None else {"pk__in": allowed}
        return field.get_choices(include_blank=False, limit_choices_to=limited)


class OfPartners(Titled):
    """Rows of a partner: a person sees those of the brands in their remit, and chooses among no others.

    `partner_path` leads to the partner's id.
    """

    partner_path = "partner"

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        allowed = partner_ids(request)
        if db_field.related_model is Partner and allowed is not None:
            options["queryset"] = Partner.objects.filter(pk__in=allowed)
        return super().formfield_for_foreignkey(db_field, request, **options)

    def get_list_filter(self, request: HttpRequest) -> Any:
        return [
            (name, OwnPartners) if isinstance(name, str) and name.rpartition("__")[2] == "partner" else name
            for name in super().get_list_filter(request)
        ]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        rows = super().get_queryset(request)
        allowed = partner_ids(request)
        return rows if allowed is None else rows.filter(**{f"{self.partner_path}__in": allowed})
