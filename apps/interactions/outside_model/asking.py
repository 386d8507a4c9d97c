"""Asking outside models about the cases of a batch: at once, within one deadline, and never in the way.

    ask(questions, opted_in)   →  answers by case; a case without one keeps the built-in default

The calling thread alone speaks with the database: it opens the breaker, takes slots, sets money aside and keeps the
record. The threads of the pool do nothing but HTTP. So a call needs no connection of its own, and the slots hang on
the session of the process that took them. Call it outside any transaction: calls take seconds.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from decimal import Decimal

from django.utils import timezone

from apps.interactions.case import Case
from apps.interactions.classification.intents import Reading
from apps.interactions.models import ModelOptIn, OutsideModel
from apps.interactions.outside_model import breaker, caps, keeping
from apps.interactions.outside_model.breaker import Pass
from apps.interactions.outside_model.classify import prompt_to_read, reading_in
from apps.interactions.outside_model.client import (
    Answer,
    Endpoint,
    ModelFailed,
    Reason,
    complete,
    endpoint_of,
    most_tokens_out,
)
from apps.interactions.outside_model.draft import body_in, prompt_to_draft, view_of
from apps.interactions.outside_model.masking import Mask, mask_for
from apps.interactions.outside_model.prompts import Prompt
from apps.interactions.playbooks.base import Option
from apps.policies.models import Partner

log = logging.getLogger(__name__)

SECONDS = 6.0  # for all questions of one round; two rounds stay well under what the watchdog calls silence
MOST_THREADS = 8
_GRACE = 1.0  # seconds after the deadline in which a thread may still hand over what it has
_WAIT_FOR_SLOT = 0.05
_LIFELESS = frozenset({Reason.TIMEOUT, Reason.UNREACHABLE, Reason.FAULT, Reason.BROKEN, Reason.TOO_LARGE})
_NO_SIGN = frozenset({Reason.REJECTED, Reason.NOT_CALLED})

Check = Callable[[str], Sequence[object]]
"""The claims of a text that nothing grounds; none: it may leave."""


@dataclass(frozen=True, slots=True)
class ToRead:
    """What does the customer ask for in `texts`?"""

    case: Case
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ToDraft:
    """Put `option` into words. `check` decides whether the words may leave: without one there is no draft."""

    case: Case
    option: Option
    check: Check


@dataclass(frozen=True, slots=True)
class Answers:
    """What an outside model gave for one case; `model` names it, for the ruling. `draft` is a body and is grounded."""

    model: str
    reading: Reading | None = None
    draft: str | None = None


@dataclass(slots=True)
class _Job:
    """One question on its way: the prompt, how its answer is understood, and what is held for it."""

    case: Case
    model: OutsideModel
    endpoint: Endpoint
    prompt: Prompt
    mask: Mask
    understand: Callable[[str], Answers]
    most: Decimal
    spend_id: int = 0
    slot: int = -1
    given: Pass = Pass.GO
    started: float = 0.0
    had_its_time: bool = True


@dataclass(slots=True)
class _Round:
    deadline: float
    waiting: deque[_Job]
    under_way: dict[Future[Answer], _Job] = field(default_factory=dict)
    answers: dict[int, Answers] = field(default_factory=dict)


def opted_in(partners: Iterable[Partner]) -> dict[int, ModelOptIn]:
    """The opt-ins of partners by the partner's id, in one query: none for a brand that did not choose a model."""
    rows = ModelOptIn.objects.filter(partner__in={partner.pk for partner in partners}, model__active=True)
    return {row.partner_id: row for row in rows.select_related("model")}


def ask(
    questions: Sequence[ToRead | ToDraft], opt_ins: Mapping[int, ModelOptIn], *, seconds: float = SECONDS
) -> dict[int, Answers]:
    """Answers by the case's id, of those cases whose model gave one that can be used, within about `seconds`.

    Never raises. Without an opt-in among the partners it does nothing at all, with no query.
    """
    if not opt_ins:
        return {}
    jobs = [job for question in questions if (job := _job(question, opt_ins.get(question.case.partner.pk))) is not None]
    if not jobs:
        return {}
    this = _Round(time.monotonic() + seconds, deque(jobs))
    try:
        _run(this)
    except Exception:
        log.exception("outside models could not be asked; the built-in defaults go on")
    return this.answers


def _job(question: ToRead | ToDraft, opt_in: ModelOptIn | None) -> _Job | None:
    """The question as a call, or None where nobody allowed it or no prompt can be made."""
    if opt_in is None:
        return None
    case, model = question.case, opt_in.model
    name = keeping.name_of(model)
    try:
        if isinstance(question, ToRead):
            if not (opt_in.classify and model.may_classify and any(text.strip() for text in question.texts)):
                return None
            mask = mask_for(case.customer, case.order, keep=(case.partner.name,))
            prompt = prompt_to_read(question.texts, mask)
            understand = _reader(name)
        else:
            if not (opt_in.draft and model.may_draft):
                return None
            view = view_of(case, question.option)
            mask, prompt = view.mask, prompt_to_draft(view)
            marker, check = prompt.marker, question.check
            understand = _writer(name, lambda text: body_in(text, view, marker), check)
    except Exception:
        log.exception("no question could be made of case %s", case.interaction.external_id)
        return None
    endpoint = endpoint_of(model)
    attempts = endpoint.retries + 1
    most = caps.most_cost(model, prompt.text, most_tokens_out(endpoint, prompt)) * attempts
    return _Job(case, model, endpoint, prompt, mask, understand, most)


def _reader(model: str) -> Callable[[str], Answers]:
    return lambda text: Answers(model, reading=reading_in(text))


def _writer(model: str, body: Callable[[str], str], check: Check) -> Callable[[str], Answers]:
    def understand(text: str) -> Answers:
        draft = body(text)
        claims = check(draft)
        if claims:
            raise ModelFailed(Reason.UNGROUNDED, f"{len(claims)} claims")
        return Answers(model, draft=draft)

    return understand


def _run(this: _Round) -> None:
    pool = ThreadPoolExecutor(max_workers=MOST_THREADS, thread_name_prefix="outside-model")
    try:
        while (this.waiting or this.under_way) and time.monotonic() < this.deadline + _GRACE:
            _start(this, pool)
            if this.under_way:
                left = max(0.0, this.deadline + _GRACE - time.monotonic())
                most_wait = min(left, _WAIT_FOR_SLOT) if this.waiting else left
                done, _ = wait(this.under_way, timeout=most_wait, return_when=FIRST_COMPLETED)
                for future in done:
                    _finish(this, future)
            elif this.waiting:
                time.sleep(_WAIT_FOR_SLOT)  # other workers hold every slot
    finally:
        for future in list(this.under_way):
            try:
                _finish(this, future)
            except Exception:  # the others' slots must be given back all the same
                log.exception("a call could not be recorded")
        pool.shutdown(wait=False, cancel_futures=True)


def _start(this: _Round, pool: ThreadPoolExecutor) -> None:
    """Start what may be started now; what may not at all keeps its default, what only has to wait waits."""
    for _ in range(len(this.waiting)):
        if time.monotonic() >= this.deadline:
            this.waiting.clear()
            return
        if len(this.under_way) >= MOST_THREADS:
            return
        job = this.waiting.popleft()
        held = {other.slot for other in this.under_way.values() if other.model.pk == job.model.pk}
        slot = caps.take_slot(job.model, held)
        if slot is None:
            this.waiting.append(job)
            continue
        job.slot, started = slot, False
        try:
            started = _may_start(job)
        finally:
            if not started:
                caps.give_back_slot(job.model, job.slot)
        if started:
            job.started = time.monotonic()
            job.had_its_time = this.deadline - job.started >= job.endpoint.timeout_seconds
            this.under_way[pool.submit(complete, job.endpoint, job.prompt, this.deadline)] = job


def _may_start(job: _Job) -> bool:
    """Whether the day's cap and the breaker let a call through; the money for it is set aside then."""
    now = timezone.now()
    spend_id = caps.reserve(job.case.partner, job.model, job.most, now)
    if spend_id is None:
        return False
    job.spend_id, job.given = spend_id, breaker.admit(job.model, now)
    if job.given is Pass.STAY:
        caps.settle(spend_id, job.most, Decimal(0))
        return False
    return True


def _finish(this: _Round, future: "Future[Answer]") -> None:
    """Understand an answer or a failure, give back what was held, keep the record, and only then use the answer."""
    job = this.under_way.pop(future)
    caps.give_back_slot(job.model, job.slot)
    call = keeping.Call(job.case, job.model, job.prompt, job.mask, seconds=time.monotonic() - job.started)
    found: Answers | None = None
    try:
        if not future.done():
            raise ModelFailed(Reason.TIMEOUT, "given up at the deadline", in_vain=job.endpoint.retries + 1)
        answer = future.result()
        call = replace(call, answer=answer.text, tokens=(answer.tokens_in, answer.tokens_out), in_vain=answer.in_vain)
        found = job.understand(answer.text)
    except ModelFailed as failure:
        call = replace(call, outcome=failure.reason, detail=failure.detail, in_vain=call.in_vain + failure.in_vain)
    except Exception as error:  # such as a check of claims that stumbles: then nothing is known to be grounded
        log.exception("an answer of %s could not be used", job.model)
        call = replace(call, outcome=Reason.ODD, detail=type(error).__name__)
    _tell_breaker(job, call.outcome)
    caps.settle(job.spend_id, job.most, keeping.keep(call, job.most))
    if found is not None:
        this.answers[job.case.interaction.pk] = found


def _tell_breaker(job: _Job, outcome: Reason) -> None:
    ran_out = outcome == Reason.TIMEOUT and not job.had_its_time  # our deadline, not the server's fault
    if outcome in _NO_SIGN or ran_out:
        return
    if outcome in _LIFELESS:
        breaker.failed(job.model, timezone.now())
    else:
        breaker.answered(job.model, job.given)
