"""Editing rules and guardrails of a draft: one page with pick-lists, and the sentence it makes, as one types."""

from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from apps.policies import editing
from apps.policies.admin import condition_rows
from apps.policies.admin.base import number_in, person
from apps.policies.admin.condition_rows import ConditionRow, facts_by_subject
from apps.policies.admin.forms import SHOWN_FOR, GuardrailForm, RuleForm
from apps.policies.checking import problems_of_guardrail, problems_of_rule
from apps.policies.errors import Refused
from apps.policies.models import BoundaryVersion, Guardrail, Rule
from apps.policies.sentences import sentence_of

Form = RuleForm | GuardrailForm
_KINDS: dict[str, tuple[type[Rule] | type[Guardrail], type[RuleForm] | type[GuardrailForm]]] = {
    "rule": (Rule, RuleForm),
    "guardrail": (Guardrail, GuardrailForm),
}


def urls(site: AdminSite) -> list[URLPattern]:
    pages = {
        "<int:version_id>/<str:kind>/add/": (edit, "policies_row_add"),
        "<int:version_id>/<str:kind>/<int:row_id>/": (edit, "policies_row_change"),
        "<int:version_id>/<str:kind>/<int:row_id>/move/": (move, "policies_row_move"),
        "<int:version_id>/<str:kind>/<int:row_id>/delete/": (delete, "policies_row_delete"),
        "<int:version_id>/<str:kind>/preview/": (preview, "policies_row_preview"),
        "conditions/row/": (condition_row, "policies_condition_row"),
    }
    return [path(route, site.admin_view(_with_site(view, site)), name=name) for route, (view, name) in pages.items()]


def _with_site(view: Any, site: AdminSite) -> Any:
    def with_site(request: HttpRequest, **named: Any) -> HttpResponse:
        if not request.user.has_perm("policies.change_boundaryversion"):
            raise PermissionDenied
        answer: HttpResponse = view(request, site=site, **named)
        return answer

    return with_site


def edit(
    request: HttpRequest, *, site: AdminSite, version_id: int, kind: str, row_id: int | None = None
) -> HttpResponse:
    version, row = _row(version_id, kind, row_id)
    form, conditions = _posted(request, version, row, kind) if request.method == "POST" else _stored(row, kind)
    if request.method == "POST" and conditions is not None and form.is_valid():
        changed = form.save(commit=False)
        if not form.errors and (problems := _problems(changed)):
            form.add_error(None, problems)
        elif _saved(request, changed, form):
            return redirect("admin:policies_boundaryversion_change", version.pk)
    context = {
        **site.each_context(request),
        "title": f"{kind.capitalize()} {row.position}" if row_id else f"New {kind}",
        "version": version,
        "kind": kind,
        "row": row,
        "revision": request.POST.get("revision") or row.revision,
        "form": form,
        "shown_for": SHOWN_FOR if kind == "guardrail" else {},
        "condition_rows": _rows_of(request, row, version),
        "facts": facts_by_subject(),
    }
    return TemplateResponse(request, "admin/policies/rule.html", context)


def _saved(request: HttpRequest, row: Rule | Guardrail, form: Form) -> bool:
    seen = request.POST.get("revision", "")
    try:
        editing.save(person(request), row, seen=number_in(seen))
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return False
    messages.success(request, sentence_of(row))
    return True


def preview(request: HttpRequest, *, site: AdminSite, version_id: int, kind: str) -> HttpResponse:
    """The sentence that the form makes as it stands, and what is wrong with it."""
    version, row = _row(version_id, kind, None)
    form, _ = _posted(request, version, row, kind)
    form.is_valid()
    problems = [str(error) for errors in form.errors.values() for error in errors]
    # Constructed without saving: the sentence also reads while something is still missing.
    unread = [found.error for found in _rows_of(request, row, version) if found.error]
    problems = problems + unread or _problems(form.instance)
    return render(
        request,
        "admin/policies/_sentence.html",
        {"sentence": "" if unread else sentence_of(form.instance), "problems": problems},
    )


def condition_row(request: HttpRequest, *, site: AdminSite) -> HttpResponse:
    """One row with the operators and the kind of value that fit the chosen fact."""
    number = request.GET.get("index", "0")
    index = min(number_in(number) or 0, 999)
    row = ConditionRow(index, request.GET.get(f"fact-{index}", ""), request.GET.get(f"operator-{index}", ""))
    row.values = request.GET.getlist(f"value-{index}")
    context = {
        "row": condition_rows.fitted(row),
        "facts": facts_by_subject(),
        "currency": request.GET.get("currency", ""),
    }
    return render(request, "admin/policies/_condition_row.html", context)


def move(request: HttpRequest, *, site: AdminSite, version_id: int, kind: str, row_id: int) -> HttpResponse:
    return _change(request, version_id, kind, row_id, "move")


def delete(request: HttpRequest, *, site: AdminSite, version_id: int, kind: str, row_id: int) -> HttpResponse:
    return _change(request, version_id, kind, row_id, "delete")


def _change(request: HttpRequest, version_id: int, kind: str, row_id: int, what: str) -> HttpResponse:
    version, row = _row(version_id, kind, row_id)
    if request.method == "POST":
        try:
            if what == "delete":
                editing.delete(person(request), row)
            else:
                editing.move(person(request), row, up=request.POST.get("up") == "yes")
        except Refused as refusal:
            messages.error(request, str(refusal))
    return redirect("admin:policies_boundaryversion_change", version.pk)


def _row(version_id: int, kind: str, row_id: int | None) -> tuple[BoundaryVersion, Rule | Guardrail]:
    if kind not in _KINDS:
        raise Http404
    version = get_object_or_404(BoundaryVersion.objects.select_related("boundary"), pk=version_id)
    model = _KINDS[kind][0]
    if row_id is None:
        return version, model(version=version, position=0)
    row = get_object_or_404(model, version=version, pk=row_id)
    assert isinstance(row, Rule | Guardrail)
    row.version = version
    return version, row


def _stored(row: Rule | Guardrail, kind: str) -> tuple[Form, None]:
    return _KINDS[kind][1](instance=row), None


def _posted(
    request: HttpRequest, version: BoundaryVersion, row: Rule | Guardrail, kind: str
) -> tuple[Form, list[dict[str, object]] | None]:
    conditions = condition_rows.read(condition_rows.from_post(request.POST), version.boundary.currency)
    if conditions is not None:
        row.conditions = conditions
    return _KINDS[kind][1](request.POST, instance=row), conditions


def _rows_of(request: HttpRequest, row: Rule | Guardrail, version: BoundaryVersion) -> list[ConditionRow]:
    if request.method != "POST":
        return condition_rows.from_conditions(row.conditions)
    rows = condition_rows.from_post(request.POST)
    condition_rows.read(rows, version.boundary.currency)
    return rows


def _problems(row: Rule | Guardrail) -> list[str]:
    return problems_of_rule(row) if isinstance(row, Rule) else problems_of_guardrail(row)
