"""The shape of a context packet, published at `/api/v1/schemas/context-packet.json` as JSON Schema 2020-12.

A part that is added raises `VERSION`; none is renamed or taken out of a version. Times are ISO 8601 with offset, money is
text with two decimals, probabilities are from 0 to 1.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

VERSION = "3"
SCHEMA_ID = "https://remit.example/schemas/context-packet.json"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Money(_Part):
    amount: str = Field(pattern=r"^-?\d+\.\d{2}$")
    currency: str = Field(pattern=r"^[A-Z]{3}$")


class Said(_Part):
    """One message of the conversation, as it stood when the packet was written."""

    id: int
    author: Literal["customer", "agent", "bot", "ai"]
    text: str
    sent_at: datetime
    holding: bool = Field(description="A holding reply: says who will answer, decides nothing.")
    files: list[str] = Field(default=[], description="Files that came with it, in words; they stay where they came.")


class Intent(_Part):
    intent: str
    probability: float = Field(ge=0, le=1)


class Alarm(_Part):
    """What always goes to a person, and the words that set it off; without any, the model reads it so."""

    alarm: str
    words: str


class Classification(_Part):
    """How the messages that nobody has answered were read, and by what."""

    model: str = Field(description="Version of the classifier.")
    language: str = Field(description="ISO 639-1.")
    intents: list[Intent] = Field(description="Over the floor, the most probable first; none: it abstained.")
    alternatives: list[Intent] = Field(description="What else came into question.")
    alarms: list[Alarm]


class FactShown(_Part):
    name: str
    label: str
    value: JsonValue = Field(description="None: unknown.")
    words: str
    source: str
    as_of: datetime | None
    matters: bool
    off_norm: bool
    customer_said: bool = Field(description="Drawn from the customer's words: may restrict, never grant.")


class OptionShown(_Part):
    action: str
    label: str
    detail: str
    amount: Money | None
    lines: list[str]
    reply: str
    reply_parts: list[tuple[str, Literal["plain", "grounded", "unfounded"]]]


class Proposed(OptionShown):
    reasons: list[str]
    confidence: float = Field(ge=0, le=1)


class No(_Part):
    question: Literal["able", "permitted", "earned"]
    reason: str


class Step(_Part):
    key: str
    outcome: Literal["matched", "failed", "unknown", "not permitted", "fired", "held"]
    condition: int | None = Field(description="Place of the condition that decided, from 0.")


class PolicyMatch(_Part):
    """What the gate said, and every rule and guardrail that it tried."""

    content_hash: str = Field(description="Of the compiled boundary; empty: none was in force.")
    rule: str | None
    handler: Literal["autonomous", "human", "collaborative"]
    refused_by: str | None
    trace: list[Step]


class LinkedCase(_Part):
    reference: str
    external_id: str
    channel: str
    case_type: str
    state: str
    received_at: datetime
    because: Literal["goes before", "follows", "same order", "same customer"]
    said: str = Field(default="", description="What the customer wrote there last, shortened.")


class LikeCase(_Part):
    """What people decided in a like case, when the packet was written; `alike` says in what it is alike."""

    case: str
    action: str
    amount: Money | None
    reason: str
    decided_at: datetime
    alike: str


class Happened(_Part):
    at: datetime
    text: str


class ContextPacketContent(_Part):
    """Everything a person decides on, frozen as it was shown."""

    schema_version: Literal["1", "2", "3"] = Field(description="2 added the files of a message, 3 what was sent along.")
    question: str
    case_type: str
    why: str
    yes: list[Literal["able", "permitted", "earned"]]
    noes: list[No]
    clause: str
    tier: str
    conversation: list[Said]
    tried: list[str]
    classification: Classification
    facts: list[FactShown]
    missing: list[str]
    sent_along: list[str] = Field(
        default=[], description="What a call told of a customer or an order that the shop has not told of, in words."
    )
    proposal: Proposed
    options: list[OptionShown]
    policy: PolicyMatch
    linked_cases: list[LinkedCase]
    precedents: list[LikeCase]
    timeline: list[Happened]
    order: str | None
    terms: int | None


def as_json_schema() -> dict[str, Any]:
    schema = ContextPacketContent.model_json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "Context packet",
        "version": VERSION,
        **{key: value for key, value in schema.items() if key != "title"},
    }
