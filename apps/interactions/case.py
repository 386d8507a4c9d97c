"""A case as the pipeline holds it: rows fetched once, the reading, the facts and the type."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from apps.interactions.classification.intents import Reading
from apps.interactions.models import Customer, Interaction, Message, Order, Product
from apps.policies.facts import Facts
from apps.policies.models import Partner, Terms
from apps.policies.words import CaseType


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
