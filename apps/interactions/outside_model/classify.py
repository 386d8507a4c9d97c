"""Reading a message with an outside model, and joining its reading with the built-in one.

The model is a second reader, never the first: it can make the AI doubt, it cannot make it sure.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from apps.interactions.classification.intents import FLOOR, Reading
from apps.interactions.classification.training import LONGEST_READ
from apps.interactions.models import ModelCall
from apps.interactions.outside_model.client import ModelFailed, Reason
from apps.interactions.outside_model.masking import Mask
from apps.interactions.outside_model.prompts import Prompt, prompt

Intent = Literal[
    "account_or_invoice",
    "change_or_cancel",
    "complaint",
    "delivery_problem",
    "feedback",
    "human_request",
    "order_status",
    "other",
    "payment_problem",
    "policy_question",
    "product_advice",
    "product_question",
    "return_or_refund",
]
INTENTS: tuple[str, ...] = get_args(Intent)
MOST_INTENTS = 4
IN_DOUBT = round(FLOOR / 2, 3)
"""The most a reading is sure of when two readers differ: under the floor, so that nothing is done on it alone."""

_MOST_TOKENS = 300
_TASK = (
    "You read messages that customers write to a shop, and say what they ask for. Answer with the intents that the "
    f"words ask for, at most {MOST_INTENTS}, each with a probability from 0 to 1, the most probable first. Use `other` "
    "alone when none fits."
)


class _Found(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    intent: Intent
    probability: float


# No docstring, which would be sent with the schema. Bounds are checked here: not every server takes them in one.
class _ReadingShape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    intents: list[_Found]


class _BoundedReading(_ReadingShape):
    intents: list[_Found] = Field(min_length=1, max_length=MOST_INTENTS)


def prompt_to_read(texts: Sequence[str], mask: Mask) -> Prompt:
    """The customer's words, masked, and nothing else about the case."""
    words = mask.hide("\n".join(texts)[:LONGEST_READ])
    return prompt(
        ModelCall.Purpose.CLASSIFY,
        _TASK,
        words,
        shape="reading",
        schema=_ReadingShape.model_json_schema(),
        most_tokens=_MOST_TOKENS,
    )


def reading_in(answer: str) -> Reading:
    """The reading that an answer holds. Raises ModelFailed when it is not exactly one."""
    try:
        found = _BoundedReading.model_validate_json(answer).intents
    except ValidationError as error:
        raise ModelFailed(Reason.WRONG_SHAPE, _first_fault(error)) from error
    if any(not 0 <= one.probability <= 1 for one in found) or len({one.intent for one in found}) < len(found):
        raise ModelFailed(Reason.WRONG_SHAPE, "a probability out of range, or an intent twice")
    ordered = sorted(((one.intent, round(one.probability, 3)) for one in found), key=lambda pair: (-pair[1], pair[0]))
    return Reading(tuple(ordered), ordered[0][1])


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in fault['loc'])[:60]}: {fault['type']}"


def joined(embedded: Reading, outside: Reading | None) -> Reading:
    """What a case is taken to ask for when two have read it.

    | the outside model                  | the result                                                           |
    |------------------------------------|----------------------------------------------------------------------|
    | did not answer                     | the embedded reading, as if there were no model                      |
    | names no intent that is not in it  | the embedded reading with its own probabilities                      |
    | names another                      | the intents of both, at most `IN_DOUBT` sure: a person's, typed by   |
    |                                    | the intent that needs most authority                                 |
    | reads what the embedded abstains on| the outside intents, at most `IN_DOUBT` sure: a person's             |

    Two laws follow, whatever the model answers: the confidence is never above the embedded one, and where the AI may
    act on the joined reading, it is exactly the embedded reading. So an outside model, or a customer who talks it
    into something, can keep the AI from acting and can never make it act.
    """
    if outside is None or not outside.intents:
        return embedded
    mine = {intent for intent, _ in embedded.intents}
    others = tuple(intent for intent, _ in outside.intents if intent not in mine)
    if not others:
        return embedded
    # The embedded model gave these no probability worth naming, and the other's own counts for nothing here.
    more = tuple((intent, 0.0) for intent in others)
    return replace(embedded, intents=(*embedded.intents, *more), confidence=min(embedded.confidence, IN_DOUBT))
