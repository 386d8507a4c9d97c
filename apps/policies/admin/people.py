"""Log-ins, groups, and what each person may decide."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest

from apps.policies.admin.base import Audited, person
from apps.policies.admin.fields import ListOfChoices
from apps.policies.models import Remit, partner_ids_of, remit_of
from apps.policies.words import CaseType

if TYPE_CHECKING:
    _UserAdmin = UserAdmin[User]
else:
    _UserAdmin = UserAdmin

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class PersonAdmin(Audited, _UserAdmin):
    list_display = ("username", "first_name", "last_name", "roles", "is_active", "last_login")

    @admin.display(description="roles")
    def roles(self, user: User) -> str:
        return "Administrator" if user.is_superuser else ", ".join(group.name for group in user.groups.all()) or "–"


@admin.register(Group)
class RoleAdmin(Audited, GroupAdmin):
    """The groups follow the code (`policies/staff.py`), so they are only shown."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return False


class RemitForm(forms.ModelForm):  # type: ignore[type-arg]
    """Nobody but an administrator gives others more than they have themselves."""

    giver: User

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        allowed, own = partner_ids_of(self.giver), remit_of(self.giver)
        if self.giver.is_superuser:
            return given
        if allowed is not None:
            if given.get("all_partners"):
                self.add_error("all_partners", "Your own remit is not all brands: an administrator gives this.")
            outside = [str(partner) for partner in given.get("partners", ()) if partner.pk not in allowed]
            if outside:
                self.add_error("partners", f"Outside your own remit: {', '.join(outside)}.")
        if given.get("currency") not in (None, own.currency):
            self.add_error("currency", f"You give amounts in {own.currency}, the currency of your own remit.")
        for name in ("amount_per_decision", "amount_per_day"):
            most = getattr(own, name)
            if given.get(name) is not None and given[name] > most:
                self.add_error(name, f"Your own remit has {most} {own.currency}: an administrator gives more.")
        return given


@admin.register(Remit)
class RemitAdmin(Audited):
    nothing_yet = "Nobody has a remit yet. It says for which brands somebody decides, and up to what amount."
    form = RemitForm
    list_display = ("user", "brands", "types", "amount_per_decision", "amount_per_day", "currency")
    search_fields = ("user__username", "user__last_name")
    filter_horizontal = ("partners",)
    fieldsets = (
        (None, {"fields": ("user", "time_zone")}),
        ("Decides for", {"fields": ("all_partners", "partners", "case_types", "languages")}),
        (
            "Alone up to",
            {
                "fields": ("currency", "amount_per_decision", "amount_per_day"),
                "description": "Above either amount a second person has to agree.",
            },
        ),
    )

    def has_change_permission(self, request: HttpRequest, obj: Remit | None = None) -> bool:
        own = obj is not None and obj.user_id == request.user.pk and not person(request).is_superuser
        return not own and super().has_change_permission(request, obj)  # nobody widens what they may do themselves

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "user":
            everybody = User.objects.all()
            me = person(request)
            options["queryset"] = everybody if me.is_superuser else everybody.exclude(pk=me.pk)
        return super().formfield_for_foreignkey(db_field, request, **options)

    def get_form(self, request: HttpRequest, obj: Remit | None = None, change: bool = False, **kwargs: object) -> type:
        form = super().get_form(request, obj, change, **kwargs)
        form.giver = person(request)  # type: ignore[attr-defined]
        if "case_types" in form.base_fields:
            form.base_fields["case_types"] = ListOfChoices(
                choices=CaseType.choices, required=False, label="Types", help_text="None chosen: all types."
            )
        return form

    @admin.display(description="brands")
    def brands(self, remit: Remit) -> str:
        return "all" if remit.all_partners else ", ".join(str(p) for p in remit.partners.all()) or "none"

    @admin.display(description="types")
    def types(self, remit: Remit) -> str:
        return ", ".join(CaseType(value).label for value in remit.case_types if value in CaseType.values) or "all"
