"""What a brand is connected with: its shop, its mailbox and its chat; and the mail that came and left."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from apps.interactions import vault
from apps.interactions.models import ChatWidget, Mail, MailBox, OutgoingMail, ShopConnection
from apps.interactions.webhooks import addresses
from apps.policies.admin.base import Audited, OfPartners, ReadOnly
from apps.policies.admin.fields import LinesField
from apps.policies.models import Partner


class SecretField(forms.CharField):
    """Typed and never shown: left empty, what is kept stays."""

    def __init__(self, label: str, help_text: str = "") -> None:
        said = f"{help_text} It is kept encrypted. Empty: as it is.".strip()
        widget = forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password", "class": "vTextField"})
        super().__init__(label=label, required=False, strip=False, help_text=said, widget=widget)


class WithSecrets(forms.ModelForm):  # type: ignore[type-arg]
    """`sealed` are the model's columns for the secrets that this form takes, by the names of its fields."""

    sealed: dict[str, str] = {}
    needed: tuple[str, ...] = ()
    sent_to: dict[str, tuple[str, ...]] = {}  # the fields that say where a secret goes: with another it is typed again
    begins_anew: dict[str, Any] = {}  # and what is forgotten then, of how far it was read

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        for name in self.needed:
            if not given.get(name) and not getattr(self.instance, self.sealed[name]):
                self.add_error(name, "This is needed.")
        for name, fields in self.sent_to.items():
            moved = [field for field in fields if field in self.changed_data]
            if self.instance.pk and moved and getattr(self.instance, self.sealed[name]) and not given.get(name):
                self.add_error(name, "Type it again: it would be sent to another server, or for somebody else.")
        return given

    def save(self, commit: bool = True) -> Any:
        for name, column in self.sealed.items():
            if self.cleaned_data.get(name):
                setattr(self.instance, column, vault.seal(self.cleaned_data[name]))
        if any(field in self.changed_data for fields in self.sent_to.values() for field in fields):
            for column, value in self.begins_anew.items():
                setattr(self.instance, column, value)
        self.instance.token = None  # what is under way was of before
        self.instance.next_at = timezone.now()  # tried at once, so that a mistake is seen at once
        self.instance.failures, self.instance.error = 0, ""
        return super().save(commit)


class ShopForm(WithSecrets):
    sealed = {"new_secret": "secret", "new_hook_secret": "hook_secret"}
    needed = ("new_secret",)
    sent_to = {"new_secret": ("url", "kind", "account")}
    begins_anew = {"read_to": None}
    url = forms.URLField(
        assume_scheme="https",
        widget=forms.URLInput(attrs={"class": "vURLField"}),
        label="Address",
        help_text="Of the shop's API, like https://shop.example/admin-api.",
    )
    new_secret = SecretField("Secret", "Password, key or token, as the shop gave it.")
    new_hook_secret = SecretField("Secret of its webhooks", "Shopify and WooCommerce sign what they send with it.")

    class Meta:
        model = ShopConnection
        fields = ("partner", "kind", "url", "account")

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        try:
            addresses.check_url(url, may_be_local=settings.WEBHOOKS_MAY_BE_LOCAL)
        except addresses.NotAllowed as refused:
            raise forms.ValidationError(str(refused)) from refused
        return url


class BoxForm(WithSecrets):
    sealed = {"new_imap_password": "imap_password", "new_smtp_password": "smtp_password"}
    needed = ("new_imap_password",)
    sent_to = {
        "new_imap_password": ("imap_host", "imap_port", "imap_security", "imap_user", "imap_folder"),
        "new_smtp_password": ("smtp_host", "smtp_port", "smtp_security", "smtp_user"),
    }
    begins_anew = {"validity": None, "read_to": 0}
    new_imap_password = SecretField("Password")
    new_smtp_password = SecretField("Password")

    class Meta:
        model = MailBox
        fields = (
            "partner", "address", "imap_host", "imap_port", "imap_security", "imap_user", "imap_folder", "smtp_host",
            "smtp_port", "smtp_security", "smtp_user", "vouched_by", "paused",
        )  # fmt: skip


class Connection(OfPartners, Audited):
    """A brand has one, and it is never another brand's."""

    list_filter = ("partner",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("partner", *self.told) if obj else tuple(self.told)

    told: tuple[str, ...] = ()

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **options)
        if db_field.related_model is Partner and field is not None:
            field.queryset = field.queryset.filter(sandbox_of__isnull=True)
        return field

    @admin.display(description="how it is")
    def how_it_is(self, row: Any) -> SafeString:
        if row.pk is None or (row.read_at is None and not row.error):
            return mark_safe('<span class="r-tag plain">Not tried yet</span>')
        if row.failures:
            return format_html('<span class="r-tag danger">Failing</span> {}', row.error)
        if row.error:
            return format_html('<span class="r-tag human">Read, not all of it</span> {}', row.error)
        at = timezone.localtime(row.read_at)
        return format_html('<span class="r-tag autonomous">Read</span> {}', f"{at:%d %b, %H:%M}")


@admin.register(ShopConnection)
class ShopConnectionAdmin(Connection):
    form = ShopForm
    told = ("how_it_is", "hooks_at")
    list_display = ("partner", "kind", "url", "how_it_is")
    nothing_yet = "No shop is read yet: orders come in by the API, and actions are asked for by webhook."
    fieldsets = (
        (None, {"fields": ("partner", "kind", "url", "account", "new_secret", "how_it_is")}),
        ("What the shop tells by itself", {"fields": ("hooks_at", "new_hook_secret")}),
    )

    @admin.display(description="address for its webhooks")
    def hooks_at(self, row: ShopConnection) -> str:
        if row.pk is None:
            return "Shown when it is saved."
        if row.kind == ShopConnection.Kind.VENDURE:
            return "Vendure sends none: it is asked every half minute."
        return settings.SITE_URL + reverse("shop-hook", args=[row.reference])

    def save_model(self, request: HttpRequest, obj: ShopConnection, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and {"url", "kind", "account"} & set(form.changed_data):
            obj.marks.all().delete()
        Partner.objects.filter(pk=obj.partner_id).update(connector=Partner.Connector.SHOP)

    def delete_model(self, request: HttpRequest, obj: ShopConnection) -> None:
        """The brand's own systems are asked again."""
        Partner.objects.filter(pk=obj.partner_id).update(connector=Partner.Connector.WEBHOOK)
        super().delete_model(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {}


@admin.register(MailBox)
class MailBoxAdmin(Connection):
    form = BoxForm
    told = ("how_it_is",)
    list_display = ("address", "partner", "imap_host", "smtp_host", "paused", "how_it_is")
    nothing_yet = "No mailbox is read yet. Customers' mail opens cases as soon as one is connected."
    fieldsets = (
        (None, {"fields": ("partner", "address", "paused", "how_it_is")}),
        ("What comes in, by IMAP",
         {"fields": ("imap_host", "imap_port", "imap_security", "imap_user", "new_imap_password", "imap_folder",
                     "vouched_by")}),
        ("What leaves, by SMTP", {"fields": ("smtp_host", "smtp_port", "smtp_security", "smtp_user", "new_smtp_password")}),
    )  # fmt: skip

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # paused instead: its threads go on being known


@admin.register(ChatWidget)
class ChatWidgetAdmin(Connection):
    told = ("snippet",)
    list_display = ("partner", "enabled", "sites")
    nothing_yet = "No chat yet. One can stand on a brand's own pages, by one line that its page here shows."
    fields = ("partner", "enabled", "origins", "greeting", "colour", "snippet")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "origins":
            return LinesField(
                "That may show the chat, one a line, like https://shop.example. None: its own page alone.", "Sites"
            )
        if db_field.name == "colour":
            options["widget"] = forms.TextInput(attrs={"type": "color"})
        return super().formfield_for_dbfield(db_field, request, **options)

    @admin.display(description="sites")
    def sites(self, row: ChatWidget) -> str:
        return ", ".join(row.origins) or "its own page"

    @admin.display(description="put it into a page with")
    def snippet(self, row: ChatWidget) -> str | SafeString:
        if row.pk is None:
            return "Shown when it is saved."
        page, script = (reverse(f"chat:{name}", args=[row.reference]) for name in ("page", "embed"))
        return format_html(
            '<code class="snippet" tabindex="0">&lt;script src="{}{}" async&gt;&lt;/script&gt;</code> '
            '<a href="{}">Look at it</a>',
            settings.SITE_URL, script, page,
        )  # fmt: skip

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Mail)
class MailAdmin(OfPartners, ReadOnly):
    nothing_yet = "No mail was read yet. Connect a mailbox, and what comes in stands here."
    list_display = ("at", "partner", "kind", "party", "subject", "case", "note")
    list_filter = ("kind", "partner")
    search_fields = ("party", "subject", "message_id")
    fields = ("at", "partner", "kind", "party", "subject", "message_id", "case", "note")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("partner", "interaction")

    @admin.display(description="case")
    def case(self, row: Mail) -> Any:
        return _case(row.interaction)


@admin.register(OutgoingMail)
class OutgoingMailAdmin(OfPartners, ReadOnly):
    nothing_yet = "No reply has left by mail yet."
    list_display = ("made_at", "partner", "status", "attempts", "next_at", "case", "error")
    list_filter = ("status", "partner")
    fields = ("made_at", "partner", "status", "attempts", "next_at", "ended_at", "case", "error", "text")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("partner", "interaction")

    @admin.display(description="case")
    def case(self, row: OutgoingMail) -> Any:
        return _case(row.interaction)


def _case(case: Any) -> Any:
    if case is None:
        return "–"
    return format_html('<a href="{}">{}</a>', reverse("admin:interactions_interaction_change", args=[case.pk]), case)
