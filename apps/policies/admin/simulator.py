"""The simulator: facts that are typed, or those of a past case, under the active version and this one side by side."""

from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from apps.policies import simulating
from apps.policies.admin.base import number_in, partner_ids
from apps.policies.checking import unreadable
from apps.policies.errors import Invalid
from apps.policies.facts import VOCABULARY, FactSpec, Kind, choice_in_words
from apps.policies.models import BoundaryVersion, Ruling
from apps.policies.replay import facts_asked
from apps.policies.specs import PolicySpec
from apps.policies.words import Action, CaseType


@dataclass(frozen=True, slots=True)
class Field:
    """One fact to fill in, with the choices that it has."""

    spec: FactSpec
    value: str
    error: str

    @property
    def choices(self) -> list[tuple[str, str]]:
        if self.spec.kind is Kind.BOOL:
            return [("true", "yes"), ("false", "no")]
        return [(choice, choice_in_words(choice)) for choice in self.spec.choices]


def urls(site: AdminSite) -> list[URLPattern]:
    def view(request: HttpRequest, version_id: int) -> HttpResponse:
        return simulate(request, site, version_id)

    return [path("<int:version_id>/simulate/", site.admin_view(view), name="policies_version_simulate")]


def simulate(request: HttpRequest, site: AdminSite, version_id: int) -> HttpResponse:
    """GET fills in (with `?ruling=` the facts of a past case), POST shows what both versions say. Nothing is stored."""
    if not request.user.has_perm("policies.view_boundaryversion"):
        raise PermissionDenied
    version = get_object_or_404(BoundaryVersion.objects.select_related("boundary"), pk=version_id)
    problems = unreadable(version)
    data = _typed(request, version) if request.method == "POST" else _loaded(request)
    errors: dict[str, list[str]] = {}
    results: list[dict[str, Any]] = []
    if data["case_type"] and not problems:
        try:
            asked = simulating.read(data)
        except Invalid as invalid:
            errors = invalid.errors
        else:
            active = version.boundary.active_version
            both = [active, version] if active and active.pk != version.pk else [version]
            results = [{**simulating.ruling_as_json(one, asked), "version": one} for one in both]
    context = {
        **site.each_context(request),
        "title": "Try a case",
        "version": version,
        "problems": problems,
        "data": data,
        "errors": errors,
        "results": results,
        "case_types": CaseType.choices,
        "actions": Action.choices,
        "fields": _fields(version, data, errors),
    }
    return TemplateResponse(request, "admin/policies/simulate.html", context)


def _typed(request: HttpRequest, version: BoundaryVersion) -> dict[str, Any]:
    currency = version.boundary.currency
    amount = request.POST.get("amount", "").strip()
    facts: dict[str, Any] = {}
    for name, spec in VOCABULARY.items():
        text = request.POST.get(f"fact-{name}", "").strip()
        if text:
            facts[name] = {"amount": text, "currency": currency} if spec.kind is Kind.MONEY else text
    return {
        "case_type": request.POST.get("case_type", ""),
        "action": request.POST.get("action", ""),
        "amount": {"amount": amount, "currency": currency} if amount else None,
        "discloses_order": "discloses_order" in request.POST,
        "facts": facts,
    }


def _loaded(request: HttpRequest) -> dict[str, Any]:
    number = request.GET.get("ruling", "")
    allowed = partner_ids(request)
    rulings = Ruling.objects.all() if allowed is None else Ruling.objects.filter(partner_id__in=allowed)
    ruling = rulings.filter(pk=number).first() if number_in(number) else None
    if ruling is None:
        return {"case_type": "", "action": "", "amount": None, "discloses_order": True, "facts": {}}
    return simulating.of_ruling(ruling)


def _fields(version: BoundaryVersion, data: dict[str, Any], errors: dict[str, list[str]]) -> list[Field]:
    """The facts that this version or the active one asks about first, then the others."""
    active = version.boundary.active_version
    policies = [one.policy() for one in (version, active) if one is not None and not unreadable(one)]
    asked = facts_asked(*policies) if policies else facts_asked(PolicySpec())
    names = sorted(VOCABULARY, key=lambda name: (name not in asked, list(VOCABULARY).index(name)))
    return [
        Field(VOCABULARY[name], _text(data["facts"].get(name)), " ".join(errors.get(f"facts.{name}", [])))
        for name in names
    ]


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case {"amount": amount}:
            return str(amount)
        case list():
            return ", ".join(str(item) for item in value)
    return str(value)
