"""The chat over HTTP. Every right lies in the token that is sent along, so that nothing here needs a cookie, nor its defence.

/chat/<widget>/            the page, alone or in a frame on the brand's own sites
/chat/<widget>/embed.js    the script that puts it there
/chat/<widget>/say/        POST {text}          → token and what is new
/chat/<widget>/news/       GET ?after=<number>  → what is new
"""

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from apps.interactions.api.authentication import client_address
from apps.interactions.chat import talking
from apps.interactions.models import ChatWidget, Interaction
from apps.policies.errors import Refused

HEADER = "X-Remit-Chat"
MOST_OF_AN_ADDRESS = 60  # messages a minute: an office shares one
MOST_BEGUN = 30  # conversations in ten minutes, so that one address cannot use up what a brand takes of new ones


def site_of(request: HttpRequest) -> str:
    """Where this installation is: what it says of itself, since a proxy may hide that it is https."""
    return request.build_absolute_uri("/").rstrip("/") if settings.DEMO else settings.SITE_URL


def _of_widget(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Finds the widget, and lets the brand's own sites alone show it."""

    @wraps(view)
    def shown(request: HttpRequest, reference: str) -> HttpResponse:
        widget = ChatWidget.objects.select_related("partner").filter(reference=reference, enabled=True).first()
        if widget is None:
            raise Http404
        answer = view(request, widget)
        answer._csp_replace = {"frame-ancestors": [*widget.origins, "'self'"]}  # type: ignore[attr-defined]
        return answer

    return shown


@require_GET
@xframe_options_exempt
@_of_widget
def page(request: HttpRequest, widget: ChatWidget) -> HttpResponse:
    return render(request, "chat/page.html", {"widget": widget, "longest": talking.LONGEST})


@require_GET
@_of_widget
def embed(request: HttpRequest, widget: ChatWidget) -> HttpResponse:
    answer = render(
        request,
        "chat/embed.js",
        {"widget": widget, "site": site_of(request)},
        "text/javascript",
    )
    answer["Cache-Control"] = "public, max-age=300"
    return answer


@csrf_exempt
@require_POST
@_of_widget
def say(request: HttpRequest, widget: ChatWidget) -> HttpResponse:
    case = talking.case_of(widget, request.headers.get(HEADER, ""))
    try:
        _count(request, widget, "said", 60, MOST_OF_AN_ADDRESS)
        if case is None:
            _count(request, widget, "begun", 600, MOST_BEGUN)
        went_to = talking.say(widget, case, request.POST.get("text", ""), timezone.now(), _name_in(request))
    except Refused as refused:
        return JsonResponse({"refused": str(refused)}, status=422)
    return _news(request, went_to, token=talking.token_of(widget, went_to))


def _count(request: HttpRequest, widget: ChatWidget, what: str, seconds: int, most: int) -> None:
    """So many in a while from one address, as this process counts them. Raises Refused."""
    name = f"chat-{what}-{widget.pk}-{client_address(request)}"
    cache.add(name, 0, seconds)
    if cache.incr(name) > most:
        raise Refused("A lot was written from where you are. Wait a few minutes, then go on.")


def _name_in(request: HttpRequest) -> uuid.UUID | None:
    try:
        return uuid.UUID(request.POST.get("name", ""))
    except ValueError:
        return None


@require_GET
@_of_widget
def news(request: HttpRequest, widget: ChatWidget) -> HttpResponse:
    case = talking.case_of(widget, request.headers.get(HEADER, ""))
    return JsonResponse({"lines": [], "goes_on": "none"}) if case is None else _news(request, case)


def _news(request: HttpRequest, case: Interaction, **more: Any) -> HttpResponse:
    after = request.GET.get("after", "0")
    heard = talking.hear(case, int(after) if after.isascii() and after.isdigit() and len(after) < 19 else 0)
    answer = JsonResponse({"lines": [line.as_json() for line in heard.lines], "goes_on": heard.goes_on, **more})
    answer["Cache-Control"] = "no-store"
    return answer


urls = [
    path("<uuid:reference>/", page, name="page"),
    path("<uuid:reference>/embed.js", embed, name="embed"),
    path("<uuid:reference>/say/", say, name="say"),
    path("<uuid:reference>/news/", news, name="news"),
]
