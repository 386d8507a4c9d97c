"""A new brand step by step, and what is missing before its AI goes live."""

import zoneinfo
from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.forms.models import model_to_dict
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.text import slugify
from formtools.wizard.views import SessionWizardView

from apps.interactions import onboarding
from apps.interactions.onboarding import Wanted
from apps.policies import audit, documents
from apps.policies.admin.base import partner_ids, person
from apps.policies.admin.fields import LinesField, ListOfChoices
from apps.policies.errors import Invalid, Refused
from apps.policies.models import Boundary, Partner, Terms

RIGHT = "interactions.onboard_brand"
_DAYS = [
    (day, name)
    for day, name in enumerate(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"))
]


class BrandForm(forms.ModelForm):  # type: ignore[type-arg]
    title, lead = "The brand", "How customers know it, and where it is at home."
    time_zone = forms.ChoiceField(
        choices=[(name, name) for name in sorted(zoneinfo.available_timezones())], initial="UTC"
    )

    class Meta:
        model = Partner
        fields = ("name", "slug", "currency", "time_zone")
        labels = {"slug": "Short name"}
        help_texts = {"slug": "For addresses, like lumi-skin. Empty: made from the name."}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["slug"].required = False

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"] or slugify(self.cleaned_data.get("name", ""))[:50]
        if not slug:
            raise forms.ValidationError("Write a short name in letters and digits.")
        if Partner.objects.filter(slug=slug).exists():
            raise forms.ValidationError(f"“{slug}” is another brand. Choose another short name.")
        return slug


class CalendarForm(forms.ModelForm):  # type: ignore[type-arg]
    title, lead = (
        "The calendar",
        "When people answer: what customers are told of when they wait, and what clocks run by.",
    )
    staffed_weekdays = ListOfChoices(
        choices=_DAYS, required=False, label="Days people answer", help_text="None chosen: every day."
    )
    holidays = LinesField("Dates nobody answers, one a line, like 2026-12-25.")

    class Meta:
        model = Partner
        fields = ("opens_at", "closes_at", "staffed_weekdays", "holidays")
        widgets = {name: forms.TimeInput(attrs={"type": "time"}, format="%H:%M") for name in ("opens_at", "closes_at")}

    def clean_staffed_weekdays(self) -> list[int]:
        return [int(day) for day in self.cleaned_data["staffed_weekdays"]]


class ReturnsForm(forms.ModelForm):  # type: ignore[type-arg]
    title, lead = "The return policy", "Values that rules go by, and beside them the words that replies quote."
    non_returnable = LinesField("Words in a product’s name that make it non-returnable, one a line.")

    class Meta:
        model = Terms
        fields = ("return_window_days", "return_fee", "return_fee_clause", "non_returnable", "lost_after_days")
        widgets = {"return_fee_clause": forms.TextInput()}

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        free = Terms._meta.get_field("return_fee_clause").default
        if given.get("return_fee") and given.get("return_fee_clause", "").strip() in ("", free):
            self.add_error("return_fee_clause", "Replies quote this: say what a return costs.")
        return given


class VoiceForm(forms.ModelForm):  # type: ignore[type-arg]
    title, lead = "The voice", "How its replies sound. {name} is the customer, {brand} the brand."
    languages = LinesField("Languages that the brand’s people answer in, one a line, like en.")

    class Meta:
        model = Partner
        fields = ("voice_greeting", "voice_sign_off", "voice_formality", "languages")
        widgets = {"voice_sign_off": forms.Textarea(attrs={"rows": 2})}


class BoundaryForm(forms.Form):
    title, lead = (
        "The boundary",
        "What the AI may decide alone, once types are live. Until then people decide everything.",
    )
    boundary = forms.ModelChoiceField(
        Boundary.objects.order_by("name"), required=False, empty_label="A new one, from the starter below",
        help_text="Brands share a handful of boundaries.",
    )  # fmt: skip
    starter = forms.ChoiceField(
        choices=[(name, f"{name.capitalize()}: {documents.meaning(name)}") for name in documents.STARTERS],
        required=False, initial="cautious", widget=forms.RadioSelect, label="Starter of a new boundary",
        help_text="It becomes a draft, which rules nothing until it was verified and two people released it.",
    )  # fmt: skip

    def only_those_there(self) -> None:
        """For who writes no boundaries."""
        del self.fields["starter"]
        chosen = self.fields["boundary"]
        chosen.required, chosen.empty_label = True, "Choose one"  # type: ignore[attr-defined]
        chosen.error_messages["required"] = "Choose a boundary, or ask an ops manager for a new one first."
        chosen.help_text = "Brands share a handful of boundaries. An ops manager makes new ones."

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if "starter" in self.fields and not given.get("boundary") and not given.get("starter"):
            self.add_error("starter", "Choose a boundary, or the starter of a new one.")
        return given


class ConnectionsForm(forms.Form):
    title, lead = (
        "Keys, webhook and sandbox",
        "How its engineers connect. Keys and secret are shown once, on the next page.",
    )
    webhook = forms.URLField(
        required=False,
        assume_scheme="https",
        label="Webhook",
        help_text="The https address that hears of events. It can be added later.",
    )
    contact = forms.EmailField(required=False, help_text="Is told when the webhook stops answering.")
    sandbox = forms.BooleanField(
        required=False, initial=True, label="A sandbox",
        help_text="A twin to try things out with: it rules as the brand does, and nothing done there has an effect.",
    )  # fmt: skip


STEPS: list[tuple[str, Any]] = [
    ("brand", BrandForm), ("calendar", CalendarForm), ("returns", ReturnsForm), ("voice", VoiceForm),
    ("boundary", BoundaryForm), ("connections", ConnectionsForm),
]  # fmt: skip


class NotMade(Exception):
    """The brand was refused; `form` is the last step, which says why."""

    def __init__(self, form: Any) -> None:
        super().__init__()
        self.form = form


class BrandWizard(SessionWizardView):  # type: ignore[misc]  # it has no stubs
    template_name = "admin/onboarding/step.html"
    form_list = STEPS

    def dispatch(self, request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
        if not request.user.has_perm(RIGHT) or partner_ids(request) is not None:
            raise PermissionDenied("Who looks after all brands makes new ones.")
        answer: HttpResponseBase = super().dispatch(request, *args, **options)
        return answer

    def get_form_initial(self, step: str) -> dict[str, Any]:
        """A new form shows what a new brand would have."""
        form = dict(STEPS)[step]
        return model_to_dict(form.Meta.model(), fields=form.Meta.fields) if issubclass(form, forms.ModelForm) else {}

    def get_form(self, step: str | None = None, data: Any = None, files: Any = None) -> Any:
        form = super().get_form(step, data, files)
        if isinstance(form, BoundaryForm) and not self.request.user.has_perm("policies.add_boundaryversion"):
            form.only_those_there()
        return form

    def get_context_data(self, form: Any, **more: Any) -> dict[str, Any]:
        steps = [
            (number, name, shown.title, number < self.steps.step1)
            for number, (name, shown) in enumerate(STEPS, start=1)
        ]
        context: dict[str, Any] = super().get_context_data(form=form, **more)
        return {
            **context,
            **admin.site.each_context(self.request),
            "title": "New brand",
            "all_steps": steps,
        }

    def render_done(self, form: Any, **more: Any) -> HttpResponse:
        """What was typed is forgotten only when the brand was made."""
        answer: HttpResponse
        try:
            answer = super().render_done(form, **more)
        except NotMade as refused:
            answer = self.render_revalidation_failure("connections", refused.form)
        return answer

    def done(self, form_list: Any, form_dict: Mapping[str, Any], **more: Any) -> HttpResponse:
        said = {name: form.cleaned_data for name, form in form_dict.items()}
        user, actor = person(self.request), audit.person(person(self.request))
        try:
            with transaction.atomic():
                made = onboarding.create(_wanted(said, _boundary(user, said)), actor=actor)
        except (Invalid, Refused, documents.BadDocument) as refused:
            form = form_dict["connections"]
            for message in getattr(refused, "problems", None) or [str(refused)]:
                form.add_error(None, message)
            raise NotMade(form) from refused
        return _shown_once(self.request, made)


def _wanted(said: Mapping[str, Mapping[str, Any]], boundary: str) -> Wanted:
    brand, calendar, returns, voice, ways = (
        said[name] for name in ("brand", "calendar", "returns", "voice", "connections")
    )
    return Wanted(
        **brand, **calendar, boundary=boundary, languages=voice["languages"] or ["en"], greeting=voice["voice_greeting"],
        sign_off=voice["voice_sign_off"], formality=voice["voice_formality"],
        return_days=returns["return_window_days"], lost_after=returns["lost_after_days"],
        terms={name: returns[name] for name in ("return_fee", "return_fee_clause", "non_returnable")},
        webhook=ways["webhook"], contact=ways["contact"], sandbox=ways["sandbox"],
    )  # fmt: skip


def _boundary(user: Any, said: Mapping[str, Mapping[str, Any]]) -> str:
    """The name of the chosen boundary, or of a new one that begins with a starter."""
    chosen, brand = said["boundary"]["boundary"], said["brand"]
    if chosen is not None:
        return str(chosen.name)
    if not user.has_perm("policies.add_boundaryversion"):
        raise Refused(
            "Who writes boundaries makes new ones. Choose one that is there, or ask an ops manager for one first."
        )
    text = documents.starter(said["boundary"]["starter"], boundary=brand["name"], currency=brand["currency"])
    if Boundary.objects.filter(name=brand["name"]).exists():
        raise Refused(f"There is a boundary “{brand['name']}” already: choose it, or give the brand another name.")
    return documents.import_draft(user, text).boundary.name


def _shown_once(request: HttpRequest, made: onboarding.Made) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": f"{made.partner} is there", "made": made}
    answer = TemplateResponse(request, "admin/onboarding/made.html", context)
    answer["Cache-Control"] = "no-store"
    return answer


def go_live(request: HttpRequest, pk: int) -> HttpResponse:
    """What going live asks for, and what is so; its button gives a key to the brand's sandbox."""
    allowed = partner_ids(request)
    partner = get_object_or_404(
        Partner.objects.all() if allowed is None else Partner.objects.filter(pk__in=allowed), pk=pk
    )
    if not request.user.has_perm("policies.view_partner"):
        raise PermissionDenied
    may_issue = request.user.has_perm("interactions.add_apikey") and partner.sandbox_of_id is None
    if request.method == "POST":
        if not may_issue:
            raise PermissionDenied
        try:
            key = onboarding.sandbox(partner, actor=audit.person(person(request)))
        except Refused as refused:
            messages.error(request, str(refused))
            return redirect("onboarding:go-live", pk)
        return _shown_once(request, onboarding.Made(key.partner, [key]))
    checks = onboarding.checklist(partner, timezone.now())
    context = {
        **admin.site.each_context(request), "title": f"{partner}: before it goes live", "partner": partner, "checks": checks,
        "met": sum(check.met for check in checks), "may_issue": may_issue,
    }  # fmt: skip
    return TemplateResponse(request, "admin/onboarding/go_live.html", context)


def urls(site: AdminSite) -> list[URLPattern]:
    return [
        path("new-brand/", site.admin_view(BrandWizard.as_view()), name="new-brand"),
        path("policies/partner/<int:pk>/go-live/", site.admin_view(go_live), name="go-live"),
    ]
