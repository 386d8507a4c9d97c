"""Flow: the live picture, a case's path, and the demo's scenarios."""

import uuid

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from apps.interactions import demo_scenarios
from apps.interactions.models import Interaction
from apps.learning import audits
from apps.policies.models import partners_of
from apps.reach import flow
from apps.reach.access import acts_on_cases, sees_queue
from apps.reach.views.case import person


@require_GET
@sees_queue
def page(request: HttpRequest) -> HttpResponse:
    """The whole page; what moves asks for itself every few seconds."""
    return render(request, "reach/flow.html", _context(request))


@require_GET
@sees_queue
def live(request: HttpRequest) -> HttpResponse:
    return render(request, "reach/_flow.html", _context(request))


@require_GET
@sees_queue
def path(request: HttpRequest, reference: uuid.UUID) -> HttpResponse:
    """The real path of one case. It asks again by itself until the case is at rest."""
    case = Interaction.objects.filter(partner__in=partners_of(person(request)), reference=reference).first()
    if case is None:
        raise Http404("There is no such case of your brands.")
    return _path(request, case)


@require_POST
@acts_on_cases
def replay(request: HttpRequest, scenario: str) -> HttpResponse:
    """Send a scenario to the sandbox brand and follow it. Only where there is a demo."""
    if not settings.DEMO or scenario not in flow.SCENARIOS or scenario == "all":
        raise Http404("There is no such demo here.")
    return _path(request, demo_scenarios.replay(scenario))


def _path(request: HttpRequest, case: Interaction) -> HttpResponse:
    hidden = audits.hides(person(request), case)
    steps = [flow.Step(None, "being audited: shown when that is done")] if hidden else flow.path_of(case)
    context = {"case": case, "steps": steps, "moving": not hidden and case.state not in flow.AT_REST}
    return render(request, "reach/_path.html", context)


def _context(request: HttpRequest) -> dict[str, object]:
    found = flow.flow_of(person(request), request.GET.get("scenario", "all"), timezone.localtime())
    return {
        "flow": found,
        "numbers": flow.as_numbers(found),
        "scenarios": [(name, label) for name, (label, _) in flow.SCENARIOS.items()],
        "demo": settings.DEMO,
    }
