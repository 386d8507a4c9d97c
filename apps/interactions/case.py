"""A case as the pipeline holds it: rows fetched once, the reading, the facts and the type."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from apps.interactions.classification.intents import Reading
from apps.interactions.models import Customer, Interaction, Message, Order, Product
from apps.policies.facts import Facts
from apps.policies.models import Partner, Terms
from apps.policies.words import Action, CaseType


@dataclass(slots=True)
class Case:
    """One case with everything the playbooks read.

    `products` are the catalogue's rows of the order's lines, by SKU; `alarms` what the customer's words set off, with those
    words; `decided_by_person` says that somebody decided this case, or one that it follows.
    """

    interaction: Interaction
    partner: Partner
    customer: Customer | None
    order: Order | None
    terms: Terms | None
    messages: list[Message]
    reading: Reading
    products: Mapping[str, Product] = field(default_factory=dict)
    alarms: Mapping[str, str] = field(default_factory=dict)
    facts: Facts = field(default_factory=Facts)
    case_type: CaseType = CaseType.OTHER
    decided_by_person: bool = False

    @property
    def came_before(self) -> bool:
        """Whether people had it before, or the AI did something about it, other than to ask the customer, who has answered."""
        ruled, done = self.interaction.ruling_id, list(self.interaction.decisions.all())
        if ruled is None:
            return False
        only_asked = all(one.decided_by_id is None and one.action == Action.ASK_CUSTOMER for one in done)
        return not (done and only_asked and done[0].ruling_id == ruled)

    @property
    def hours_too_old(self) -> int | None:
        """How old the shop's word of an order is that may have gone on since, when the brand sets a limit and it is over."""
        most, order = self.partner.order_hours, self.order
        if most is None or order is None or order.status not in ("placed", "shipped"):
            return None
        age = self.at - order.as_of
        return int(age.total_seconds() // 3600) if age > timedelta(hours=most) else None

    @property
    def at(self) -> datetime:
        """The moment that all facts of time are taken at: when the customer's last message came in."""
        return max([message.received_at for message in self.asked], default=self.interaction.received_at)

    @property
    def drawn_as(self) -> str:
        """What names it in draws: the same whenever it is ruled."""
        return f"{self.partner.slug}/{self.interaction.external_id}"

    @property
    def asked(self) -> list[Message]:
        """The customer's messages that no resolution has answered yet."""
        return unanswered(self.messages)

    @property
    def text(self) -> str:
        """What is asked, in the customer's words."""
        return "\n".join(message.text for message in self.asked)


def unanswered(messages: Sequence[Message]) -> list[Message]:
    open_ones = [message for message in messages if message.author == "customer" and not message.handled]
    return open_ones or [message for message in messages if message.author == "customer"][-1:]
