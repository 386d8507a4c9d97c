"""Briefing: the context packet a person decides on, frozen as it was when the case came to them."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from apps.interactions import packet_schema, precedents, sent_along
from apps.interactions.case import Case
from apps.interactions.checks import Authority
from apps.interactions.drafting.grounding import marked
from apps.interactions.models import Message, OrderEvent
from apps.interactions.playbooks.base import Option, Plan
from apps.policies.facts import VOCABULARY, Fact, FactSpec, Value, value_as_json, value_in_words
from apps.policies.specs import canonical_json
from apps.policies.words import Question

_EVENT_WORDS = {
    "picked_up": "Picked up",
    "in_transit": "In transit",
    "out_for_delivery": "Out for delivery",
    "attempted": "Delivery attempted",
    "delivered": "Delivered",
    "return_received": "Return scanned in",
}


def packet_content(
    case: Case, plan: Plan, authority: Authority, tried: list[str], linked: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Everything the brief shows that does not change, in the shape of `packet_schema`."""
    return {
        "schema_version": packet_schema.VERSION,
        "question": plan.question,
        "case_type": case.case_type.value,
        "why": why_in_words(authority),
        "yes": [question.value for question in _said_yes(authority)],
        "noes": [{"question": down.question.value, "reason": down.reason} for down in authority.downgrades],
        "clause": f"Terms {case.terms.number}: “{plan.clause}”" if case.terms and plan.clause else "",
        "tier": case.customer.tier if case.customer else "",
        "conversation": [_said(message) for message in case.messages],
        "classification": _classification(case),
        "facts": _facts(case, plan),
        "proposal": {
            **_option(case, plan.proposal),
            "reasons": list(plan.reasons),
            "confidence": case.reading.confidence,
        },
        "options": [_option(case, option) for option in plan.options],
        "tried": tried,
        "missing": list(plan.missing),
        "sent_along": sent_along.in_words(case.interaction),
        "timeline": timeline(case),
        "policy": _policy(authority),
        "linked_cases": list(linked),
        "precedents": precedents.line_for(case.partner, case.case_type.value, case.facts.known_at(case.at)).as_json(),
        "order": case.order.number if case.order else None,
        "terms": case.terms.number if case.terms else None,
    }


def content_hash(content: dict[str, Any]) -> str:
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def why_in_words(authority: Authority) -> str:
    """Which of able, permitted and earned said no, in a sentence or two."""
    if not authority.downgrades:
        return "The AI is able, permitted and sure; a person was asked for."
    saying = [f"It is not {down.question.value}: {down.reason}." for down in authority.downgrades]
    fine = [question.value for question in _said_yes(authority)]
    passed = f"The AI is {' and '.join(fine)}. " if fine else ""
    return passed + " ".join(_joined(saying))


def _said_yes(authority: Authority) -> list[Question]:
    refused = {down.question for down in authority.downgrades}
    return [question for question in Question if question not in refused]


def _joined(sentences: list[str]) -> list[str]:
    """ "It is not permitted: a." "It is not permitted: b." → the second starts "Also"."""
    seen: set[str] = set()
    result = []
    for sentence in sentences:
        start, _, rest = sentence.partition(": ")
        result.append(f"Also, {rest}" if start in seen else sentence)
        seen.add(start)
    return result


def _facts(case: Case, plan: Plan) -> list[dict[str, Any]]:
    """The facts that matter first, then whatever else is known; a fact that matters and is unknown says so."""
    known = {fact.name: fact for fact in case.facts}
    order = [*plan.matters, *(name for name in known if name not in plan.matters)]
    return [_fact(name, known.get(name), name in plan.matters, name in plan.off_norm) for name in order]


def _fact(name: str, fact: Fact | None, matters: bool, off_norm: bool) -> dict[str, Any]:
    spec = VOCABULARY[name]
    value = fact.value if fact else None
    return {
        "name": name,
        "label": spec.label[0].upper() + spec.label[1:],
        "value": value_as_json(value),
        "words": _in_words(spec, value),
        "source": fact.source if fact else "not found",
        "as_of": fact.as_of.isoformat() if fact and fact.as_of else None,
        "matters": matters,
        "off_norm": off_norm,
        "customer_said": bool(fact and fact.source == "customer's words"),
    }


_BELOW_ZERO = {"order.days_past_window": "left", "order.days_late": "early"}


def _in_words(spec: FactSpec, value: Value | None) -> str:
    """As people say it: nobody is "-17 days past" anything."""
    if spec.name in _BELOW_ZERO and isinstance(value, int) and value < 0:
        return f"{value_in_words(spec, -value)} {_BELOW_ZERO[spec.name]}"
    return value_in_words(spec, value)


def _said(message: Message) -> dict[str, Any]:
    return {"id": message.pk, "author": message.author, "text": message.text, "sent_at": message.sent_at.isoformat(),
            "holding": message.holding, "files": message.files}  # fmt: skip


def _classification(case: Case) -> dict[str, Any]:
    def pairs(intents: Sequence[tuple[str, float]]) -> list[dict[str, Any]]:
        return [{"intent": intent, "probability": probability} for intent, probability in intents]

    reading = case.reading
    return {
        "model": reading.read_by,
        "language": reading.language,
        "intents": pairs(reading.intents),
        "alternatives": pairs(reading.alternatives),
        "alarms": [{"alarm": name, "words": words} for name, words in sorted(case.alarms.items())],
    }


def _policy(authority: Authority) -> dict[str, Any]:
    verdict = authority.verdict
    return {
        "content_hash": authority.content_hash,
        "rule": verdict.rule,
        "handler": verdict.handler,
        "refused_by": verdict.refused_by,
        "trace": [{"key": s.key, "outcome": s.outcome, "condition": s.condition} for s in verdict.trace],
    }


def _option(case: Case, option: Option) -> dict[str, Any]:
    amount = option.amount
    return {
        "action": option.action.value,
        "label": option.label,
        "detail": option.detail,
        "amount": {"amount": str(amount.amount), "currency": amount.currency} if amount else None,
        "lines": list(option.lines),
        "reply": option.reply.text,
        "reply_parts": [list(piece) for piece in marked(option.reply.text, option.source(case))],
    }


def timeline(case: Case) -> list[dict[str, str]]:
    """Orders, courier scans, payments and contacts, oldest first."""
    happened: list[tuple[datetime, str]] = []
    order = case.order
    if order is not None:
        methods = {payment.method for payment in order.payments.all() if payment.kind == "payment"}
        paid = f", {' and '.join(sorted(methods)).replace('_', ' ')}" if methods else ""
        happened.append((order.placed_at, f"Ordered {order.number}, {order.total:,.2f} {order.currency}{paid}"))
        if order.promised_at:
            happened.append((order.promised_at, "Promised to arrive"))
        happened += [(event.at, _event_in_words(event)) for event in order.events.all()]
        if order.refunds_reported:
            happened.append((order.as_of, f"Refunds reported: {order.refunds_reported:,.2f} {order.currency}"))
    for message in case.messages:
        who = "Customer wrote" if message.author == "customer" else f"{message.author.capitalize()} answered"
        happened.append((message.sent_at, who))
    ordered = sorted(happened, key=lambda pair: pair[0])
    return [{"at": at.isoformat(), "text": text} for at, text in ordered]


def _event_in_words(event: OrderEvent) -> str:
    words = _EVENT_WORDS.get(event.kind, event.kind.replace("_", " ").capitalize())
    return ", ".join(part for part in (words, event.location, event.proof) if part)
