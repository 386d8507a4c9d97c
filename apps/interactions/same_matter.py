"""Which case an interaction is about that came in by itself: on the same order, an answer to our question, thanks, or more of
one conversation. Intake merges it into that one."""

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Case, Q, When

from apps.interactions import channels, courtesies, hearing, sent_along
from apps.interactions.models import Interaction
from apps.interactions.models.interaction import InteractionQuerySet

THANKS_FOR = timedelta(days=30)


def case_of(interaction: Interaction, texts: Sequence[str]) -> Interaction | None:
    """Locked; None where it is a case of its own. `texts` are what was written."""
    if number := sent_along.order_to_come(interaction):
        return _open_case_on_order_to_come(interaction, number)
    return (
        _open_case_on_same_order(interaction)
        or _case_that_asked_which_order(interaction)
        or _case_it_is_thanks_for(interaction, texts)
        or _conversation_with(interaction)
    )


def _joinable() -> InteractionQuerySet:
    """What came from a public page may name anybody as the customer: whoever is meant goes on in a case of their own."""
    return Interaction.objects.select_for_update(no_key=True).filter(vouched=True)


def _open_case_on_same_order(interaction: Interaction) -> Interaction | None:
    if interaction.order_id is None or interaction.customer_id is None:
        return None
    return (
        _joinable()
        .in_the_open()
        .filter(customer_id=interaction.customer_id, order_id=interaction.order_id)
        .exclude(pk=interaction.pk)
        .order_by("id")
        .first()
    )


def _open_case_on_order_to_come(interaction: Interaction, number: str) -> Interaction | None:
    if interaction.customer_id is None:
        return None
    theirs = _joinable().in_the_open().filter(sent_along.NAMES_ONE, sent_along__order__number=number)
    return theirs.filter(customer_id=interaction.customer_id).exclude(pk=interaction.pk).order_by("id").first()


def _conversation_with(interaction: Interaction) -> Interaction | None:
    """Where a channel knows one conversation with a customer: the case of it that is being worked on, unless another order is
    meant."""
    channel = channels.CHANNELS[interaction.channel]
    if channel.threads != channels.Threads.CUSTOMER or interaction.customer_id is None:
        return None
    others = Q(order__isnull=True) & ~sent_along.NAMES_ONE
    fitting = Q() if interaction.order_id is None else others | Q(order=interaction.order_id)
    return (
        _joinable()
        .in_the_open()
        .exclude(pk=interaction.pk)
        .exclude(state=Interaction.State.RESOLVED)
        .filter(fitting, customer_id=interaction.customer_id, channel=interaction.channel)
        .filter(received_at__gte=interaction.received_at - (channel.window or THANKS_FOR))
        .order_by("-received_at", "-id")
        .first()
    )


def _case_it_is_thanks_for(interaction: Interaction, texts: Sequence[str]) -> Interaction | None:
    """The customer's latest case, when this one says nothing but thanks: it opens none of its own."""
    names = hearing.names_of(interaction)
    said = [*texts, *hearing.subject_said(interaction)]
    if interaction.customer_id is None or not all(courtesies.asks_nothing(text, names) for text in said):
        return None
    waits_for_an_answer = Case(When(state=Interaction.State.AWAITING_CUSTOMER, then=0), default=1)
    return (
        _joinable()
        .filter(customer_id=interaction.customer_id, received_at__gte=interaction.received_at - THANKS_FOR)
        .exclude(pk=interaction.pk)
        .exclude(state=Interaction.State.MERGED)
        .order_by(waits_for_an_answer, "-received_at", "-id")
        .first()
    )


def _case_that_asked_which_order(interaction: Interaction) -> Interaction | None:
    """The customer's open case that asked which order is meant, when this message names one it can be."""
    if interaction.order is None or interaction.customer_id is None:
        return None
    asking = (
        _joinable()
        .filter(customer_id=interaction.customer_id, order__isnull=True, state=Interaction.State.AWAITING_CUSTOMER)
        .exclude(sent_along.NAMES_ONE)
        .exclude(pk=interaction.pk)
        .order_by("id")
    )
    number = interaction.order.number
    return next((case for case in asking if not case.order_candidates or number in case.order_candidates), None)
