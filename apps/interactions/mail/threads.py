"""Which case a mail belongs to: by the ids of the mails that it answers, or by what stands behind the + in our address.

Both can be known to others, by a forwarded mail: who writes has to be one of those who wrote on the case before, or its
customer. Anybody else opens a case of their own.
"""

import uuid
from collections.abc import Sequence

from django.db.models import Q

from apps.interactions.mail.reading import Incoming
from apps.interactions.models import Interaction, Mail
from apps.interactions.models.mail import HEARD
from apps.policies.models import Partner


def case_of(partner: Partner, mail: Incoming) -> tuple[Interaction | None, str]:
    """The case, and why one that the mail names is not taken."""
    named = by_ids(partner, mail.about) or _by_tokens(partner, mail.tokens)
    if named is None:
        return None, ""
    if mail.sender.lower() in _parties_of(named):
        return named, ""
    return None, f"It answers {named.external_id}, and comes from somebody else."


def by_ids(partner: Partner, ids: Sequence[str]) -> Interaction | None:
    """The case of the first of these mails that is known."""
    known = Mail.objects.filter(partner=partner, message_id__in=list(ids), interaction__isnull=False)
    found = {mail.message_id: mail.interaction for mail in known.select_related("interaction")}
    return next((found[one] for one in ids if one in found), None)


def _by_tokens(partner: Partner, tokens: Sequence[str]) -> Interaction | None:
    names = [uuid.UUID(token) for token in tokens]
    return Interaction.objects.filter(partner=partner, reference__in=names).first()


def _parties_of(case: Interaction) -> set[str]:
    of_case = Q(interaction=case) | Q(interaction__merged_into=case)
    wrote = Mail.objects.filter(of_case, kind__in=HEARD).values_list("party", flat=True)
    known = {party.lower() for party in wrote if party}
    if case.customer is not None and case.customer.email:
        known.add(case.customer.email.lower())
    return known
