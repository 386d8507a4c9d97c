"""The forms of rules and guardrails; their conditions are rows of their own (`condition_rows`)."""

from typing import TYPE_CHECKING, Any

from django import forms

from apps.policies.admin.fields import ListOfChoices
from apps.policies.models import Guardrail, Rule
from apps.policies.words import MONEY_ACTIONS, Action, CaseType

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Any]
else:
    ModelForm = forms.ModelForm


class RuleForm(ModelForm):
    class Meta:
        model = Rule
        fields = ("case_type", "handler", "action", "ceiling", "seniority", "due_minutes")
        labels = {"case_type": "For", "handler": "Who decides", "action": "The AI may", "ceiling": "Up to"}
        help_texts = {
            "ceiling": "The most the AI may give at once, in the boundary's currency.",
            "due_minutes": "Leave empty for the type's own clock.",
        }

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("handler") == "autonomous":
            if not data.get("action"):
                self.add_error("action", "Say what the AI may do alone.")
            if data.get("action") in MONEY_ACTIONS and data.get("ceiling") is None:
                self.add_error("ceiling", "Giving money needs a ceiling.")
        return data


class GuardrailForm(ModelForm):
    actions = ListOfChoices(choices=Action.choices, required=False, help_text="None chosen: every action.")
    case_types = ListOfChoices(
        choices=CaseType.choices, required=False, label="Types", help_text="None chosen: every type."
    )

    class Meta:
        model = Guardrail
        fields = ("kind", "amount", "floor", "seniority", "actions", "case_types")
        labels = {"kind": "What it limits", "seniority": "Then decides"}
        help_texts = {
            "amount": "For a ceiling or a budget, in the boundary's currency.",
            "floor": "For the least certainty, from 0.00 to 1.00.",
        }

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        kind = data.get("kind")
        if kind in (Guardrail.Kind.CEILING, Guardrail.Kind.BUDGET) and data.get("amount") is None:
            self.add_error("amount", "This guardrail needs an amount.")
        if kind not in (Guardrail.Kind.CEILING, Guardrail.Kind.BUDGET):
            data["amount"] = None  # an amount would quietly turn "never" into "never above"
        floor = data.get("floor")
        if kind == Guardrail.Kind.CONFIDENCE and (floor is None or not 0 <= floor <= 1):
            self.add_error("floor", "This guardrail needs a share from 0.00 to 1.00.")
        return data
