"""Guides: decisions that may suggest where to look, and prove nothing: those made with the proposal in view, and past cases
that a brand brought along."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Min

from apps.interactions import precedents
from apps.interactions.models import Customer, PastCase
from apps.learning.disagreement import differs
from apps.learning.models import Signal
from apps.learning.region import Example
from apps.policies import simulating
from apps.policies.errors import Invalid
from apps.policies.models import Partner, Ruling
from apps.policies.money import Money
from apps.policies.specs import Proposal
from apps.policies.words import MONEY_ACTIONS

MOST = 20_000  # of each sort, the newest
LEAST = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Guide:
    """What people decided in one case. `proposed` is what they saw; None: nothing is known of any proposal. `owner` is the
    brand and the customer, as evidence has them, `currency` the brand's."""

    decided: simulating.Asked
    proposed: Proposal | None
    owner: tuple[str, str]
    currency: str
    at_stake: Decimal | None = None

    def of(self, action: str) -> Example | None:
        """As an example of the AI's proposing this action: right where people did it too. None where it tells nothing. Where
        people paid nothing and nobody said what was at stake, the case speaks against every ceiling."""
        decision, proposed = self.decided.proposal, self.proposed
        if proposed is None:
            wrong = decision.action != action
            stake = Money(self.at_stake or LEAST, self.currency) if action in MONEY_ACTIONS else None
            return Example(self.decided.facts, stake if wrong else decision.amount, wrong)
        if proposed.action != action:
            return None
        amounts = [one.amount.amount if one.amount else None for one in (decision, proposed)]
        wrong = bool(differs(decision.action, amounts[0], proposed.action, amounts[1]))
        return Example(self.decided.facts, proposed.amount, wrong)


def guides_of(partners: list[Partner], since: datetime, until: datetime) -> list[Guide]:
    return [*_seen(partners, since, until), *_past(partners, since, until)]


def _seen(partners: list[Partner], since: datetime, until: datetime) -> Iterator[Guide]:
    rows = Signal.objects.filter(partner__in=partners, at__gte=since, at__lt=until, proposal_seen=True)
    related = ("decision__ruling__partner", "decision__interaction")
    for row in rows.select_related(*related).order_by("-at", "-pk")[:MOST]:
        ruling = row.decision.ruling
        facts = precedents.known_facts_of(ruling)
        if facts is None:
            continue
        decided, proposed = (
            Proposal(action, Money(amount, row.currency) if amount is not None else None)
            for action, amount in ((row.final_action, row.final_amount), (row.proposed_action, row.proposed_amount))
        )
        customer = str(row.decision.interaction.customer_id or "")
        owner = (ruling.partner.slug, customer)
        yield Guide(simulating.Asked(row.case_type, decided, facts), proposed, owner, ruling.partner.currency)


def brought(rows: Iterable[PastCase]) -> Iterator[tuple[PastCase, simulating.Asked]]:
    """Past cases with what people decided in them. Those with a fact, or a value of one, that there is no more are left out."""
    for row in rows:
        amount = {"amount": row.amount, "currency": row.currency} if row.amount is not None else None
        said = {"case_type": row.case_type, "action": row.action, "amount": amount, "facts": row.facts}
        with suppress(Invalid):
            yield row, simulating.read(said)


def _past(partners: list[Partner], since: datetime, until: datetime) -> Iterator[Guide]:
    rows = PastCase.objects.filter(partner__in=partners, decided_at__gte=since, decided_at__lt=until)
    found = list(rows.select_related("partner").order_by("-decided_at", "-pk")[:MOST])
    named = Customer.objects.filter(partner__in=partners, external_id__in={row.customer for row in found})
    customers = {(row.partner_id, row.external_id): str(row.pk) for row in named}
    began = dict(Ruling.objects.filter(partner__in=partners).order_by().values_list("partner").annotate(Min("at")))
    for row, decided in brought(found):
        first = began.get(row.partner_id)
        if (row.partner_id, row.customer) not in customers and first is not None and row.decided_at >= first:
            continue  # it may be a case of ours under another name, and then it must not suggest what it certifies
        customer = customers.get((row.partner_id, row.customer), f"past {row.customer}" if row.customer else "")
        yield Guide(decided, None, (row.partner.slug, customer), row.partner.currency, row.at_stake)
