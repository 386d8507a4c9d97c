"""Keeping the record of a call: masked, bounded, in a form that a database can hold, with what it cost."""

from dataclasses import dataclass
from decimal import Decimal

from django.utils import timezone

from apps.interactions.case import Case
from apps.interactions.models import ModelCall, OutsideModel
from apps.interactions.outside_model import caps
from apps.interactions.outside_model.client import Reason, endpoint_of, most_tokens_out
from apps.interactions.outside_model.masking import Mask
from apps.interactions.outside_model.prompts import Prompt

LONGEST_ANSWER = 4000  # characters of an answer that are kept


@dataclass(frozen=True, slots=True)
class Call:
    """What happened. `in_vain` counts attempts without a usable answer that may be billed all the same."""

    case: Case
    model: OutsideModel
    prompt: Prompt
    mask: Mask
    seconds: float
    answer: str = ""
    tokens: tuple[int | None, int | None] = (None, None)
    in_vain: int = 0
    outcome: Reason = Reason.USED
    detail: str = ""


def name_of(model: OutsideModel) -> str:
    """What rulings and records call a model."""
    return f"{model.name} ({model.model})"


def keep(call: Call, reserved: Decimal) -> Decimal:
    """Write the record, and return what the call cost: never more than was `reserved` for it."""
    cost = min(_cost(call), reserved)
    ModelCall.objects.create(
        partner=call.case.partner,
        model=call.model,
        subject=str(call.case.interaction.reference),
        purpose=call.prompt.purpose,
        model_name=name_of(call.model),
        prompt=storable(call.prompt.text),
        # A model may make up an address, or be fed one that the masks did not know: its words are masked once more.
        answer=storable(call.mask.hide(call.answer[:LONGEST_ANSWER]))[:LONGEST_ANSWER],
        tokens_in=call.tokens[0],
        tokens_out=call.tokens[1],
        cost=cost,
        seconds=round(call.seconds, 3),
        outcome=call.outcome,
        detail=storable(call.detail)[:200],
        at=timezone.now(),
    )
    return cost


def _cost(call: Call) -> Decimal:
    """What the server says it took; where it says nothing, the most that it can have taken."""
    most = caps.most_cost(call.model, call.prompt.text, most_tokens_out(endpoint_of(call.model), call.prompt))
    tokens_in, tokens_out = call.tokens
    if tokens_in is not None and tokens_out is not None:
        return caps.cost_of(call.model, tokens_in, tokens_out) + most * call.in_vain
    return most * (call.in_vain + (1 if call.answer else 0))


def storable(text: str) -> str:
    """PostgreSQL holds no NUL and no half of a surrogate pair, both of which JSON can carry."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
