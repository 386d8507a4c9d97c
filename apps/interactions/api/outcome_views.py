"""What became of cases, and past cases: what learning goes by beside what people decide here."""

import uuid
from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.interactions import history, outcomes, submitting
from apps.interactions.api import answers
from apps.interactions.api.endpoint import Endpoint, caller
from apps.interactions.api.serializers import (
    AmountField,
    Choice,
    DryRunIn,
    Strict,
    Time,
    not_before_computers,
    not_in_the_future,
)
from apps.interactions.api.views import interaction_of, items_of, refused_item
from apps.interactions.models import Outcome, Scope
from apps.policies import simulating
from apps.policies.errors import Invalid

MOST_AT_ONCE = 500
_OF_THE_CASE = ("external_id", "customer", "decided_at", "at_stake")


class OutcomeIn(Strict):
    kind = Choice(Outcome.Kind.values)
    at = Time(validators=[not_in_the_future, not_before_computers])
    reference = serializers.CharField(max_length=100)
    score = serializers.IntegerField(min_value=1, max_value=5, required=False, allow_null=True)


class PastCaseIn(DryRunIn):
    """One decided case, with what was decided, as the dry run takes it."""

    external_id = serializers.CharField(max_length=100)
    customer = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")
    decided_at = Time(validators=[not_in_the_future, not_before_computers])
    at_stake = AmountField(required=False, allow_null=True)


class OutcomesOut(serializers.Serializer[Any]):
    results = answers.OutcomeOut(many=True)


class HistoryIn(Strict):
    cases = PastCaseIn(many=True, allow_empty=False, max_length=500)  # type: ignore[call-arg]


class Outcomes(Endpoint):
    """Tell what became of an interaction: reopened, satisfaction, review, charged back, fraud."""

    scopes = {"GET": Scope.INTERACTIONS_READ, "POST": Scope.OUTCOMES_WRITE}
    takes = {"POST": OutcomeIn}
    gives = {"GET": {200: OutcomesOut}, "POST": {201: answers.OutcomeOut, 200: answers.OutcomeOut}}

    def get(self, request: Request, reference: uuid.UUID) -> Response:
        rows = interaction_of(request, reference).outcomes.all()
        return Response({"results": answers.OutcomeOut(rows, many=True).data})

    def post(self, request: Request, reference: uuid.UUID) -> Response:
        case = interaction_of(request, reference)
        said = outcomes.Said(**submitting.checked(OutcomeIn, request.data))
        row, created = outcomes.report(case, said, actor=caller(request).actor, now=timezone.now())
        return Response(answers.OutcomeOut(row).data, status=201 if created else 200)


class History(Endpoint):
    """Send up to 500 past cases with their decisions: one verdict an item; one bad item spoils no other. They suggest where
    the boundary may move, and prove nothing."""

    scopes = {"POST": Scope.OUTCOMES_WRITE}
    takes = {"POST": HistoryIn}
    gives = {"POST": {207: answers.Verdicts}}

    def post(self, request: Request) -> Response:
        items = items_of(request, "cases", MOST_AT_ONCE)
        return Response({"results": [self._one(request, item) for item in items]}, status=207)

    def _one(self, request: Request, item: Any) -> dict[str, Any]:
        try:
            row, created = history.bring(caller(request).partner, _past(item), timezone.now())
        except Invalid as refused:
            return refused_item(item, refused)
        return {"status": 201 if created else 200, "external_id": row.external_id}


def _past(item: Any) -> history.Past:
    if not isinstance(item, dict):
        raise Invalid({"body": ["Send an object."]})
    named = {name: value for name, value in item.items() if name in _OF_THE_CASE}
    found = submitting.checked(
        PastCaseIn, named | {name: item[name] for name in ("case_type", "action") if name in item}
    )
    decided = simulating.read({name: value for name, value in item.items() if name not in named})
    return history.Past(decided=decided, **{name: found[name] for name in found if name in _OF_THE_CASE})
