"""Versions as YAML in the admin: export, import, and two of them compared."""

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.text import slugify

from apps.policies import documents, version_diff
from apps.policies.admin.base import number_in, person
from apps.policies.checking import unreadable
from apps.policies.documents import BadDocument
from apps.policies.errors import Refused
from apps.policies.models import BoundaryVersion


def urls(site: AdminSite) -> list[URLPattern]:
    def compare(request: HttpRequest, version_id: int) -> HttpResponse:
        return _compare(request, site, version_id)

    def read(request: HttpRequest) -> HttpResponse:
        return _import(request, site)

    return [
        path("<int:version_id>/yaml/", site.admin_view(export), name="policies_version_yaml"),
        path("<int:version_id>/compare/", site.admin_view(compare), name="policies_version_compare"),
        path("import/", site.admin_view(read), name="policies_version_import"),
    ]


def export(request: HttpRequest, version_id: int) -> HttpResponse:
    version = _version(request, version_id)
    answer = HttpResponse(documents.to_yaml(version), content_type="application/yaml; charset=utf-8")
    name = f"{slugify(version.boundary.name) or 'boundary'}-{version.number}.yaml"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _compare(request: HttpRequest, site: AdminSite, version_id: int) -> HttpResponse:
    """A version against another of its boundary, `?with=` its id; without it against the active one."""
    after = _version(request, version_id)
    others = after.boundary.versions.exclude(pk=after.pk)
    wanted = request.GET.get("with", "")
    before = others.filter(pk=wanted).first() if number_in(wanted) else None
    before = before or after.boundary.active_version or others.first()
    problems = [p for version in (before, after) if version is not None for p in unreadable(version)]
    found = version_diff.diff(before, after) if before is not None and not problems else None
    context = {
        **site.each_context(request),
        "title": f"{after.boundary}: version {before.number if before else 'none'} → {after.number}",
        "version": after,
        "before": before,
        "others": others,
        "problems": problems,
        "diff": found,
        "changes": version_diff.changes_in_words(found.verification) if found else [],
    }
    return TemplateResponse(request, "admin/policies/compare.html", context)


def _import(request: HttpRequest, site: AdminSite) -> HttpResponse:
    if not request.user.has_perm("policies.add_boundaryversion"):
        raise PermissionDenied
    text, problems = request.POST.get("text", "") or _starter(request), list[str]()
    if request.method == "POST":
        uploaded = request.FILES.get("file")
        try:
            if uploaded is not None and not isinstance(uploaded, list):
                text = uploaded.read(2_000_000).decode()
            version = documents.import_draft(person(request), text)
        except UnicodeDecodeError:
            problems = ["The file is no text in UTF-8."]
        except BadDocument as bad:
            problems = bad.problems
        except Refused as refusal:
            problems = [str(refusal)]
        else:
            messages.success(request, f"{version} is a draft: it rules nothing until it is released.")
            return redirect("admin:policies_boundaryversion_change", version.pk)
    context = {
        **site.each_context(request),
        "title": "A boundary from a starter or from YAML",
        "text": text,
        "problems": problems,
        "starters": [(name, documents.meaning(name)) for name in documents.STARTERS],
        "name": request.GET.get("name", "")[:100],
    }
    return TemplateResponse(request, "admin/policies/import.html", context)


def _starter(request: HttpRequest) -> str:
    """The text of the starter that was chosen, with the name that was typed."""
    chosen = request.GET.get("starter", "")
    if chosen not in documents.STARTERS:
        return ""
    return documents.starter(chosen, boundary=request.GET.get("name", "")[:100])


def _version(request: HttpRequest, version_id: int) -> BoundaryVersion:
    if not request.user.has_perm("policies.view_boundaryversion"):
        raise PermissionDenied
    return get_object_or_404(BoundaryVersion.objects.select_related("boundary"), pk=version_id)
