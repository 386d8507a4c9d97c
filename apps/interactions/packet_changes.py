"""What changed between two packets of a case, in words: what somebody who had the older one open has to read."""

from collections.abc import Mapping
from typing import Any

LONGEST_QUOTE = 160


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """New messages first, then another type, question or proposal, then facts; both are contents as in `packet_schema`."""
    return [*_said(before, after), *_case(before, after), *_facts(before, after)]


def quoted(author: str, text: str) -> str:
    """ "The customer wrote: “…”", cut short."""
    who = {"customer": "The customer", "ai": "The AI"}.get(author, f"The {author}")
    words = " ".join(text.split())
    short = words if len(words) <= LONGEST_QUOTE else f"{words[:LONGEST_QUOTE].rstrip()}…"
    return f"{who} wrote: “{short}”"


def _said(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    known = {message["id"] for message in before["conversation"]}
    return [quoted(said["author"], said["text"]) for said in after["conversation"] if said["id"] not in known]


def _case(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    said = []
    if before["question"] != after["question"]:
        said.append(f"The question was: {before['question']}")
    proposals = [_proposal(content) for content in (before, after)]
    if proposals[0] != proposals[1]:
        said.append(f"The AI proposes {proposals[1]}; before: {proposals[0]}")
    if before["clause"] != after["clause"] and after["clause"]:
        said.append("Another clause of the Terms applies")
    return said


def _proposal(content: Mapping[str, Any]) -> str:
    proposal = content["proposal"]
    amount = proposal["amount"]
    label = proposal["label"][:1].lower() + proposal["label"][1:]
    return f"“{label}”" + (f" with {amount['amount']} {amount['currency']}" if amount else "")


def _facts(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    then = {fact["name"]: fact["words"] for fact in before["facts"]}
    return [
        f"{fact['label']}: {fact['words']}, was {then.get(fact['name'], 'unknown')}"
        for fact in after["facts"]
        if fact["matters"] and fact["words"] != then.get(fact["name"], "unknown")
    ]
