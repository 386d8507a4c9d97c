"""The forms of rules and guardrails; their conditions are rows of their own (`condition_rows`)."""

from typing import TYPE_CHECKING, Any

from django import forms

from apps.policies.admin.fields import ListOfChoices
from apps.policies.models import Guardrail, Rule
from apps.policies.targets import MOST_WRONG
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
        fields = ("kind", "amount", "count", "days", "per", "floor", "target", "quiet_from", "quiet_to", "seniority",
                  "hard", "actions", "case_types")  # fmt: skip
        labels = {"kind": "What it limits", "seniority": "Then decides", "per": "For one", "hard": "Hard",
                  "quiet_from": "From", "quiet_to": "To"}  # fmt: skip
        help_texts = {
            "amount": "In the boundary's currency. For errors: where so much or more is at stake.",
            "count": "For how often: at most so many times.",
            "floor": "For the least certainty, from 0.00 to 1.00.",
            "target": "For errors: the largest share of cases, such as 0.01 for one in a hundred. 0.02 is usual.",
            "quiet_from": "For quiet hours, in the brand's time zone.",
        }
        widgets = {name: forms.TimeInput(attrs={"type": "time"}) for name in ("quiet_from", "quiet_to")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["days"].required = self.fields["per"].required = False

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        kind = data.get("kind")
        data["days"], data["per"] = data.get("days") or 1, data.get("per") or Guardrail.Per.CUSTOMER
        for name in ("amount", "count", "floor", "target", "quiet_from", "quiet_to"):
            if kind not in OF_KIND[name]:
                data[name] = None  # an amount would quietly turn "never" into "never above"
        if kind in (_K.CEILING, _K.BUDGET) and data.get("amount") is None:
            self.add_error("amount", "This guardrail needs an amount.")
        if kind == _K.VELOCITY and data.get("amount") is None and data.get("count") is None:
            self.add_error("count", "Say how often, or how much money, or both.")
        if kind == _K.QUIET and (data.get("quiet_from") is None or data.get("quiet_to") is None):
            self.add_error("quiet_from", "Say from when to when the AI is quiet.")
        if kind == _K.CONFIDENCE and (data.get("floor") is None or not 0 <= data["floor"] <= 1):
            self.add_error("floor", "This guardrail needs a share from 0.00 to 1.00.")
        if kind == _K.ERROR and (data.get("target") is None or not 0 < data["target"] <= MOST_WRONG):
            self.add_error("target", "This guardrail needs a share over 0, of at most 0.5.")
        if not 1 <= data["days"] <= 365:
            self.add_error("days", "From 1 to 365 days.")
        return data


_K = Guardrail.Kind
OF_KIND = {
    "amount": (_K.CEILING, _K.BUDGET, _K.VELOCITY, _K.ERROR),
    "count": (_K.VELOCITY,),
    "floor": (_K.CONFIDENCE,),
    "target": (_K.ERROR,),
    "quiet_from": (_K.QUIET,),
    "quiet_to": (_K.QUIET,),
}
"""The fields that only some kinds of guardrail have; for others they are emptied, and not shown."""
SHOWN_FOR = {**OF_KIND, "days": (_K.BUDGET, _K.VELOCITY), "per": (_K.VELOCITY,), "hard": (_K.NEVER, _K.CEILING),
             "seniority": (_K.NEVER, _K.CEILING)}  # fmt: skip
