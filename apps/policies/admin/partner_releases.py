"""Releases of a partner's boundary, stages and Terms: proposed here, agreed to here by a second person."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.policies import partner_releases, stages
from apps.policies.admin.base import OfPartners, ReadOnly, number_in, partner_ids, person, text_in
from apps.policies.admin.fields import LinesField
from apps.policies.errors import Refused
from apps.policies.models import Boundary, Partner, PartnerRelease, Terms
from apps.policies.models.terms import TERMS_FIELDS
from apps.policies.words import CaseType, Stage

Kind = PartnerRelease.Kind


class BoundaryChange(forms.Form):
    boundary = forms.ModelChoiceField(
        Boundary.objects.all(), required=False, empty_label="None: everything goes to people"
    )
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}))

    def content(self) -> dict[str, Any]:
        chosen = self.cleaned_data["boundary"]
        return {"boundary": chosen.pk if chosen else None}


class StageChange(forms.Form):
    case_type = forms.ChoiceField(choices=CaseType.choices, label="Type")
    stage = forms.ChoiceField(choices=Stage.choices)
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}))

    def content(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("case_type", "stage")}


class TermsChange(forms.ModelForm):  # type: ignore[type-arg]
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}))
    non_returnable = LinesField(help_text="One word a line: names with it do not come back.")
    return_windows = LinesField(
        help_text="Other windows than the one above, one a line: “electronics: 14”, “vip: 60”, “electronics, vip: 30”. "
        "The most exact line counts, and a category before a tier."
    )
    free_return_tiers = LinesField(help_text="Tiers whose returns cost nothing, one a line.")
    recommend_categories = LinesField(
        label="Categories to recommend", help_text="Categories the AI may recommend from, one a line; none: every one."
    )

    class Meta:
        model = Terms
        fields = TERMS_FIELDS
        widgets = {name: forms.Textarea(attrs={"rows": 2}) for name in TERMS_FIELDS if name.endswith("clause")}

    def content(self) -> dict[str, Any]:
        found = {name: self.cleaned_data[name] for name in TERMS_FIELDS}
        most = found["recommend_most"]
        return {
            **found,
            "return_fee": str(found["return_fee"]),
            "recommend_most": None if most is None else str(most),
        }


_FORMS: dict[str, type[BoundaryChange] | type[StageChange] | type[TermsChange]] = {
    Kind.BOUNDARY: BoundaryChange,
    Kind.STAGE: StageChange,
    Kind.TERMS: TermsChange,
}


@admin.register(PartnerRelease)
class PartnerReleaseAdmin(OfPartners, ReadOnly):
    nothing_yet = "Nothing was proposed for a brand yet."
    list_display = ("partner", "kind", "in_words", "state_tag", "proposed_by", "agreed_by", "ended_at")
    list_filter = ("state", "kind", "partner")

    @admin.display(description="state", ordering="state")
    def state_tag(self, release: PartnerRelease) -> SafeString:
        kind = {"open": "human", "released": "autonomous"}.get(release.state, "plain")
        return format_html('<span class="r-tag {}">{}</span>', kind, release.get_state_display())

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        new = path("<int:partner_id>/propose/<slug:kind>/", view(self.propose), name="policies_partnerrelease_propose")
        end = path("<int:release_id>/end/<slug:act>/", view(self.end), name="policies_partnerrelease_end")
        return [new, end, *super().get_urls()]

    def propose(self, request: HttpRequest, partner_id: int, kind: str) -> HttpResponse:
        """A form for what shall change; what it would widen is said after it was sent."""
        if not request.user.has_perm("policies.add_partnerrelease"):
            raise PermissionDenied
        partner = get_object_or_404(_partners(request), pk=partner_id)
        made = _FORMS.get(kind)
        if made is None:
            return redirect("admin:policies_partner_change", partner.pk)
        form = made(request.POST) if request.method == "POST" else _filled(made, partner, request)
        if request.method == "POST" and form.is_valid():
            try:
                release = partner_releases.propose(
                    person(request), partner, kind, form.content(), form.cleaned_data["reason"]
                )
            except Refused as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, _said(release))
                return redirect("admin:policies_partnerrelease_change", release.pk)
        title = f"{partner}: another {Kind(kind).label.lower()}"
        context = {"title": title, "form": form, "partner": partner, "kind": kind, **_evidence(partner, kind, request)}
        return TemplateResponse(
            request, "admin/policies/propose.html", {**self.admin_site.each_context(request), **context}
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        release = get_object_or_404(self.get_queryset(request), pk=number_in(object_id) or 0)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{release.partner}: {release.get_kind_display().lower()}",
            "release": release,
            "is_mine": release.proposed_by_id == person(request).pk,
            "may_agree": request.user.has_perm("policies.agree_partnerrelease"),
            "may_withdraw": request.user.has_perm("policies.change_partnerrelease"),
            "checks": stages.checklist(release.partner, release.content["case_type"], release.content["stage"])
            if release.kind == Kind.STAGE and release.state == "open"
            else [],
        }
        return TemplateResponse(request, "admin/policies/partner_release.html", context)

    def end(self, request: HttpRequest, release_id: int, act: str) -> HttpResponse:
        back = redirect("admin:policies_partnerrelease_change", release_id)
        permission = {"agree": "agree", "withdraw": "change"}.get(act)
        if permission is None or request.method != "POST":
            return back
        if not request.user.has_perm(f"policies.{permission}_partnerrelease"):
            raise PermissionDenied
        get_object_or_404(self.get_queryset(request), pk=release_id)
        try:
            if act == "agree":
                messages.success(request, _said(partner_releases.agree(person(request), release_id)))
            else:
                partner_releases.withdraw(person(request), release_id, text_in(request, "reason"))
                messages.success(request, "Withdrawn: nothing changed.")
        except Refused as refusal:
            messages.error(request, str(refusal))
        return back


def _partners(request: HttpRequest) -> Any:
    allowed = partner_ids(request)
    return Partner.objects.all() if allowed is None else Partner.objects.filter(pk__in=allowed)


def _filled(made: Any, partner: Partner, request: HttpRequest) -> Any:
    """The form as things stand now."""
    if made is TermsChange:
        active = partner.terms_versions.filter(active=True).first() or Terms(partner=partner)
        lists = {name: "\n".join(getattr(active, name)) for name in partner_releases.TERMS_LISTS}
        return TermsChange(instance=active, initial=lists)
    return made(initial={"boundary": partner.boundary_id, "case_type": request.GET.get("type", "")})


def _evidence(partner: Partner, kind: str, request: HttpRequest) -> dict[str, Any]:
    if kind != Kind.STAGE:
        return {}
    rows = {row.case_type: row.stage for row in partner.stages.all()}
    return {"stages": [(label, rows.get(value, Stage.OBSERVE.value)) for value, label in CaseType.choices]}


def _said(release: PartnerRelease) -> str:
    if release.state == "open":
        return "It widens what the AI may do: it takes effect when a second person agrees."
    return "In effect from the next case on."
