"""How the tests ask, and what the server's behaviours come to."""

import re

from apps.interactions import pipeline
from apps.interactions.case import Case
from apps.interactions.models import (
    Interaction,
    ModelCall,
)
from apps.interactions.outside_model import ToDraft, ToRead, ask, opted_in
from apps.interactions.playbooks import plan_for

UNREADABLE = {
    "error_500": "fault",
    "error_429": "fault",
    "error_401": "fault",
    "error_400": "rejected",
    "redirect": "fault",
    "broken_json": "broken",
    "not_json": "broken",
    "wrong_envelope": "broken",
    "no_choices": "broken",
    "broken_content": "wrong_shape",
    "wrong_schema": "wrong_shape",
    "extra_fields": "wrong_shape",
    "unknown_intent": "wrong_shape",
    "empty": "wrong_shape",
    "refusal": "wrong_shape",
    "cut_off": "cut_off",
    "cut_off_connection": "unreachable",
    "huge": "too_large",
    "reset": "unreachable",
    "silent_close": "unreachable",
    "tool_calls": "tool",
    "half_characters": "broken",
    "nul_characters": "wrong_shape",
    "slow": "timeout",
    "trickle": "timeout",
    "trickle_body": "timeout",
}
ODD_DRAFTS = {
    "link": "odd",
    "instructions": "odd",
    "markup": "odd",
    "template": "odd",
    "unseen_characters": "odd",
    "others_data": "odd",
    "marker": "odd",
    "lying_amount": "ungrounded",
    "lying_promise": "ungrounded",
}


def case_of(row: Interaction) -> Case:
    (found,) = pipeline.load([row])
    pipeline.gathering.gather(found, pipeline.gathering.counts_for([found]))
    found.case_type = pipeline.case_type_of([intent for intent, _ in found.reading.intents], found.facts)
    return found


def said(case: Case) -> str:
    return "\n".join(message.text for message in case.asked)


def reading(case: Case, **more):
    return ask([ToRead(case, (said(case),))], opted_in([case.partner]), **more).get(case.interaction.pk)


def draft(case: Case, check=None, **more):
    option = plan_for(case)[0].proposal
    question = ToDraft(case, option, check or (lambda text: ungrounded(text, option.reply.text)))
    return ask([question], opted_in([case.partner]), **more).get(case.interaction.pk)


def ungrounded(text: str, source: str) -> list[str]:
    """A stand-in for the check of claims: every number and every word of a promise must stand in the source."""
    claims = re.findall(r"\d[\d.,]*\d|\d|\b(?:free|gift|voucher|credit|guarantee|refund)\w*", text, re.I)
    return [claim for claim in claims if claim.lower() not in source.lower()]


def outcome() -> str:
    return ModelCall.objects.latest("id").outcome
