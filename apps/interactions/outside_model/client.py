"""One question to one model, over the protocol that OpenAI-compatible servers speak.

    complete(endpoint, prompt, deadline)   the answer's text and what it took; raises ModelFailed

There is no tool, no function and no memory in what is asked: two messages, a schema for the answer, a length.
An answer is believed only as far as it has the shape of one.
"""

import os
import random
import time
from dataclasses import dataclass
from typing import Any

import httpx2
from openai import APIConnectionError, APIStatusError, APITimeoutError, OpenAI
from pydantic import BaseModel, Field, StrictInt, ValidationError

from apps.interactions.models import ModelCall, OutsideModel
from apps.interactions.models.outside_model import valid_base_url, valid_key_variable
from apps.interactions.outside_model.prompts import Prompt
from apps.interactions.outside_model.transport import BoundedTransport, TooLarge

Reason = ModelCall.Outcome
FIRST_PAUSE = 0.25  # seconds before the first retry; doubles, and half of it is chance
_PASSING = (408, 409, 425, 429)
_OF_THE_REQUEST = (400, 413, 415, 422)  # may lie in what was asked: no sign that the endpoint is down
_REASONING_ROOM = 2000  # tokens that a reasoning model thinks in, before its answer


class ModelFailed(Exception):
    """No answer that can be used. `in_vain` counts the attempts that may be billed all the same."""

    def __init__(self, reason: Reason, detail: str = "", *, in_vain: int = 0) -> None:
        super().__init__(f"{reason.label}: {detail}" if detail else reason.label)
        self.reason, self.detail, self.in_vain = reason, detail, in_vain


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a call needs of an outside model, as values: it is used in a thread, where no row should be."""

    base_url: str
    model: str
    key_variable: str
    timeout_seconds: float
    retries: int
    reasoning: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """`text` is not checked yet. Tokens are None where the server did not say, or said what cannot be."""

    text: str
    tokens_in: int | None
    tokens_out: int | None
    in_vain: int


def endpoint_of(model: OutsideModel) -> Endpoint:
    return Endpoint(
        base_url=model.base_url,
        model=model.model,
        key_variable=model.key_variable,
        timeout_seconds=model.timeout_seconds,
        retries=model.retries,
        reasoning=model.style == OutsideModel.Style.REASONING,
    )


def most_tokens_out(endpoint: Endpoint, prompt: Prompt) -> int:
    return prompt.most_tokens + (_REASONING_ROOM if endpoint.reasoning else 0)


def complete(endpoint: Endpoint, prompt: Prompt, deadline: float) -> Answer:
    """Ask, and ask again after faults that may pass, until `deadline`, a moment of `time.monotonic()`.

    Raises ModelFailed, and nothing else.
    """
    in_vain = 0
    for attempt in range(endpoint.retries + 1):
        try:
            return _attempt(endpoint, prompt, deadline, in_vain)
        except _Passing as fault:
            in_vain += fault.billed
            pause = max(fault.wait, FIRST_PAUSE * 2**attempt * random.uniform(0.5, 1))
            if attempt == endpoint.retries or time.monotonic() + pause >= deadline:
                raise ModelFailed(fault.reason, fault.detail, in_vain=in_vain) from fault
        except ModelFailed:
            raise
        except Exception as error:  # a server can make a library stumble in ways that nobody has listed
            raise ModelFailed(Reason.BROKEN, type(error).__name__, in_vain=in_vain + 1) from error
        time.sleep(pause)
    raise AssertionError("the last attempt ends above")


class _Passing(Exception):
    """A fault that a retry may pass. `wait` is what the server asked for, in seconds."""

    def __init__(self, reason: Reason, detail: str, *, billed: int, wait: float = 0.0) -> None:
        super().__init__(detail)
        self.reason, self.detail, self.billed, self.wait = reason, detail, billed, wait


def _attempt(endpoint: Endpoint, prompt: Prompt, deadline: float, in_vain: int) -> Answer:
    transport = BoundedTransport()
    client = _client(endpoint, transport)
    transport.until = min(deadline, time.monotonic() + endpoint.timeout_seconds)
    try:
        raw = client.chat.completions.with_raw_response.create(**_body(endpoint, prompt))
    except APITimeoutError as error:
        raise _Passing(Reason.TIMEOUT, "", billed=1) from error
    except APIConnectionError as error:
        raise _Passing(Reason.UNREACHABLE, type(error.__cause__).__name__, billed=1) from error
    except APIStatusError as error:
        raise _for_status(error, in_vain) from error
    except TooLarge as error:
        raise ModelFailed(Reason.TOO_LARGE, str(error), in_vain=in_vain + 1) from error
    return _read(raw.content, in_vain)


def _client(endpoint: Endpoint, transport: BoundedTransport) -> OpenAI:
    try:
        valid_base_url(endpoint.base_url)
        if endpoint.key_variable:
            valid_key_variable(endpoint.key_variable)
    except Exception as error:
        raise ModelFailed(Reason.NOT_CALLED, "its address or key variable is not allowed") from error
    key = os.environ.get(endpoint.key_variable, "") if endpoint.key_variable else "none"
    if not key:
        raise ModelFailed(Reason.NOT_CALLED, f"{endpoint.key_variable} is not set")
    # Retries and time are counted here: the library's own would wait as long as a server tells it to.
    return OpenAI(
        api_key=key,
        base_url=endpoint.base_url,
        max_retries=0,
        timeout=None,
        http_client=httpx2.Client(transport=transport, trust_env=False, follow_redirects=False),
    )


def _body(endpoint: Endpoint, prompt: Prompt) -> dict[str, Any]:
    length = most_tokens_out(endpoint, prompt)
    style = {"max_completion_tokens": length} if endpoint.reasoning else {"max_tokens": length, "temperature": 0}
    shape = {"name": prompt.shape, "strict": True, "schema": prompt.schema}
    return {
        "model": endpoint.model,
        "messages": [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
        "response_format": {"type": "json_schema", "json_schema": shape},
        **style,
    }


def _for_status(error: APIStatusError, in_vain: int) -> Exception:
    status = error.status_code
    if status in _OF_THE_REQUEST:
        return ModelFailed(Reason.REJECTED, f"status {status}", in_vain=in_vain)
    if status in _PASSING or status >= 500:
        return _Passing(
            Reason.FAULT, f"status {status}", billed=0, wait=_wait(error.response.headers.get("retry-after"))
        )
    return ModelFailed(Reason.FAULT, f"status {status}", in_vain=in_vain)


def _wait(text: str | None) -> float:
    """Retry-After in seconds; a date, which nobody sends here, or anything else counts as not said."""
    return float(text) if text and text.isascii() and text.isdigit() and len(text) <= 6 else 0.0


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[Any] | None = None
    function_call: Any = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Completion(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    usage: Any = None


class _Usage(BaseModel):
    prompt_tokens: StrictInt = Field(ge=0, le=10_000_000)
    completion_tokens: StrictInt = Field(ge=0, le=10_000_000)


def _read(content: bytes, in_vain: int) -> Answer:
    try:
        completion = _Completion.model_validate_json(content)
    except ValidationError as error:
        raise ModelFailed(Reason.BROKEN, "not a completion", in_vain=in_vain + 1) from error
    choice = completion.choices[0]
    text = choice.message.content or ""
    if choice.message.tool_calls or choice.message.function_call:
        raise ModelFailed(Reason.TOOL, in_vain=in_vain + 1)
    if choice.message.refusal or choice.finish_reason == "content_filter" or not text.strip():
        raise ModelFailed(Reason.WRONG_SHAPE, "refused or empty", in_vain=in_vain + 1)
    if choice.finish_reason not in ("stop", None):
        raise ModelFailed(Reason.CUT_OFF, str(choice.finish_reason)[:40], in_vain=in_vain + 1)
    usage = _usage(completion.usage)
    return Answer(text, usage.prompt_tokens if usage else None, usage.completion_tokens if usage else None, in_vain)


def _usage(said: Any) -> _Usage | None:
    try:
        return _Usage.model_validate(said)
    except ValidationError:
        return None
