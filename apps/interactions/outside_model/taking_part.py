"""Where outside models take part in the work on a batch: beside the classifier, and in place of the templates.

Both steps do nothing, and ask nothing of the database, when no brand of the batch has opted in.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from apps.interactions.case import Case
from apps.interactions.models import ModelOptIn
from apps.interactions.outside_model.asking import Check, ToDraft, ToRead, ask
from apps.interactions.outside_model.classify import joined
from apps.interactions.playbooks.base import reply_to
from apps.interactions.worked import Worked


def read_too(cases: Sequence[Case], texts: Sequence[str], opt_ins: Mapping[int, ModelOptIn]) -> dict[int, str]:
    """Join the embedded readings of `texts` with those of outside models; returns who read which case too, by its id."""
    questions = [ToRead(case, (text,)) for case, text in zip(cases, texts, strict=True)]
    answers = ask(questions, opt_ins)
    for case in cases:
        answer = answers.get(case.interaction.pk)
        if answer is not None:
            case.reading = joined(case.reading, answer.reading)
    return {pk: answer.model for pk, answer in answers.items()}


def put_into_words(
    results: Sequence[Worked], opt_ins: Mapping[int, ModelOptIn], check_for: Callable[[Worked], Check]
) -> None:
    """Let outside models word the replies of the proposals; a reply of which anything is not grounded stays as it was.

    `check_for(worked)` gives the check of claims against what is known of the case. A message that tries to instruct
    the machine is shown to no model that writes.
    """
    worth = [w for w in results if w.plan is not None and not w.error and w.merge_into is None and not _suspect(w.case)]
    questions = [ToDraft(w.case, w.plan.proposal, _check(w, check_for)) for w in worth if w.plan is not None]
    answers = ask(questions, opt_ins)
    for worked in worth:
        answer = answers.get(worked.case.interaction.pk)
        if answer is None or answer.draft is None or worked.plan is None:
            continue
        option = replace(worked.plan.proposal, reply=reply_to(worked.case, answer.draft))
        worked.plan = replace(worked.plan, options=(option, *worked.plan.options[1:]))
        worked.drafted_by = answer.model


def _check(worked: Worked, check_for: Callable[[Worked], Check]) -> Check:
    """The check, made only when there is something to check: one that stumbles spoils its own draft and no other."""
    return lambda text: check_for(worked)(text)


def _suspect(case: Case) -> bool:
    return bool(case.facts.value("message.injection_suspected"))
