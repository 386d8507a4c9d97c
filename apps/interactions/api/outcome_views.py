"""What became of cases, and past cases: what learning goes by beside what people decide here."""

import uuid
from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.interactions import history, outcomes, submitting
from apps.interactions.api.serializers import AmountField, Strict, not_before_computers, not_in_the_future
from apps.interactions.api.views import caller, interaction_of
from apps.interactions.models import Outcome, Scope
from apps.policies import simulating
from apps.policies.errors import Invalid

MOST_AT_ONCE = 500


class OutcomeIn(Strict):
    kind = serializers.ChoiceField(Outcome.Kind.values)
    at = serializers.DateTimeField(validators=[not_in_the_future, not_before_computers])
    reference = serializers.CharField(max_length=100)
    score = serializers.IntegerField(min_value=1, max_value=5, required=False, allow_null=True)


class PastCaseIn(Strict):
    """Beside what is here: `case_type`, `action`, `amount`, `facts`, as the dry run takes them."""

    external_id = serializers.CharField(max_length=100)
    customer = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")
    decided_at = serializers.DateTimeField(validators=[not_in_the_future, not_before_computers])
    at_stake = AmountField(required=False, allow_null=True)


class Outcomes(APIView):
    """Tell what became of an interaction: reopened, satisfaction, review, charged back, fraud."""

    scopes = {"GET": Scope.INTERACTIONS_READ, "POST": Scope.OUTCOMES_WRITE}

    def get(self, request: Request, reference: uuid.UUID) -> Response:
        return Response({"results": [_shape(row) for row in interaction_of(request, reference).outcomes.all()]})

    def post(self, request: Request, reference: uuid.UUID) -> Response:
        case = interaction_of(request, reference)
        said = outcomes.Said(**submitting.checked(OutcomeIn, request.data))
        row, created = outcomes.report(case, said, actor=caller(request).actor, now=timezone.now())
        return Response(_shape(row), status=201 if created else 200)


class History(APIView):
    """Send up to 500 past cases with their decisions: one verdict an item; one bad item spoils no other. They suggest where
    the boundary may move, and prove nothing."""

    scopes = {"POST": Scope.OUTCOMES_WRITE}

    def post(self, request: Request) -> Response:
        items = request.data.get("cases") if isinstance(request.data, dict) else None
        if not isinstance(items, list) or not 1 <= len(items) <= MOST_AT_ONCE:
            raise Invalid({"cases": [f"Send a list of 1 to {MOST_AT_ONCE} past cases."]})
        return Response({"results": [self._one(request, item) for item in items]}, status=207)

    def _one(self, request: Request, item: Any) -> dict[str, Any]:
        try:
            row, created = history.bring(caller(request).partner, _past(item), timezone.now())
        except Invalid as refused:
            name = item.get("external_id") if isinstance(item, dict) else None
            return {"status": 422, "external_id": name, "errors": refused.errors}
        return {"status": 201 if created else 200, "external_id": row.external_id}


def _past(item: Any) -> history.Past:
    if not isinstance(item, dict):
        raise Invalid({"body": ["Send an object."]})
    named = {name: value for name, value in item.items() if name in PastCaseIn().fields}
    found = submitting.checked(PastCaseIn, named)
    decided = simulating.read({name: value for name, value in item.items() if name not in named})
    return history.Past(decided=decided, **found)


def _shape(row: Outcome) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("kind", "score", "reference", "at", "reported_at")}
