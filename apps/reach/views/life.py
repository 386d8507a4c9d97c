"""A case's whole life on one page: words, states, rulings, packets, decisions, effects, webhooks and every audit row."""

import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from apps.interactions import blind, claiming, operating
from apps.interactions.models import Effect, Interaction, OutboxEvent
from apps.learning import audits
from apps.policies.models import Ruling, partners_of
from apps.reach.access import sees_queue
from apps.reach.views import case


@require_GET
@sees_queue
def life(request: HttpRequest, reference: uuid.UUID) -> HttpResponse:
    """A case of the person's brands, whether it waits or ended long ago; any other is a 404."""
    user = case.person(request)
    rows = Interaction.objects.filter(partner__in=partners_of(user)).select_related(
        "partner", "customer", "order", "merged_into", "linked_to"
    )
    found = rows.filter(reference=reference).first()
    if found is None:
        raise Http404("There is no such case of your brands.")
    waiting = claiming.covered_by_remit(user).waiting().filter(interaction=found).first()
    latest = found.escalations.order_by("-pk").first()
    context = {
        "case": found,
        "messages_said": found.messages.all(),
        "steps": operating.life_of(found),
        "hidden": latest is not None and blind.is_blind(latest),
        "audited": audits.hides(user, found),
        "rulings": Ruling.objects.filter(subject=str(found.reference)).select_related("version").order_by("id"),
        "packets": found.packets.order_by("version"),
        "decisions": found.decisions.select_related("decided_by", "second_by").order_by("id"),
        "effects": Effect.objects.filter(decision__interaction=found).order_by("id"),
        "events": OutboxEvent.objects.filter(partner=found.partner, subject=str(found.reference)).order_by("id"),
        "waiting": waiting,
        "by_people": found.decisions.filter(decided_by__isnull=False).exists(),
    }
    return render(request, "reach/life.html", context)
