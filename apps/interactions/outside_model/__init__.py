"""A real model behind a port: any OpenAI-compatible endpoint may read messages and write replies, beside the defaults.

    opt_ins = opted_in(partners)              who chose a model; one query
    read_too(cases, texts, opt_ins)           a second reading of each case, joined with the embedded one
    put_into_words(results, opt_ins, …)       the replies of the proposals, where every claim is grounded

Both are one call of `ask([ToRead(…) or ToDraft(…), …], opt_ins)`, which answers by case and never raises.

It can propose, not act. It sees the customer's words with names and contact data masked and, to write a reply, what
the built-in reply would state; it has no tool. Whatever fails, the case goes on with the built-in default.

    asking     the batch: slots, caps, breaker, threads, deadline      classify   the prompt and reading of messages
    client     one question, retried; transport bounds it              draft      the prompt and text of replies
    caps       money per day, calls at once                            masking    placeholders for personal data
    breaker    leaves a broken endpoint alone                          keeping    the record of each call
    taking_part   the two steps of the pipeline
"""

from apps.interactions.outside_model.asking import Answers, ToDraft, ToRead, ask, opted_in
from apps.interactions.outside_model.classify import joined
from apps.interactions.outside_model.taking_part import put_into_words, read_too

__all__ = ["Answers", "ToDraft", "ToRead", "ask", "joined", "opted_in", "put_into_words", "read_too"]
