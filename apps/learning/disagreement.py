"""What counts as disagreement: one definition for evidence, audits, signals, double judgements and whoever reads of them.

Pure.

    differs(action, amount, …)    of a judgement and a proposal, or of two judgements
    is_rewritten(…)               of a reply
    Disagreement                  of people among themselves
"""

from dataclasses import dataclass
from decimal import Decimal

from apps.learning.certification import ALPHA, lower_bound

AMOUNT_TOLERANCE = Decimal("0.05")  # of the proposed amount
REWRITTEN = 0.25  # of the proposed reply's words, put in or taken out
DIFFERENT = (
    "another action, another of several replies, an amount off by more than 5 %, or a reply of which over a quarter of the"
    " words was rewritten"
)


def differs(
    action: str, amount: Decimal | None, proposed: str, proposed_amount: Decimal | None, *, option: str = "",
    proposed_option: str = "",
) -> str:  # fmt: skip
    """In what a judgement differs from a proposal: "action", "amount", "wording" when no money moves and another `option` of
    the same action was chosen, such as another article to answer from, or "" when they are the same. An amount within the
    tolerance is the same. Of the reply that was sent `is_rewritten` tells."""
    if action != proposed:
        return "action"
    if amount is None and proposed_amount is None:
        return "wording" if option != proposed_option else ""
    if amount is None or proposed_amount is None:
        return "amount"
    return "amount" if abs(amount - proposed_amount) > AMOUNT_TOLERANCE * proposed_amount else ""


def is_rewritten(words_changed: int, proposed: str) -> bool:
    """Whether so many words put in or taken out make another reply of the proposed one."""
    return words_changed > REWRITTEN * len(proposed.split())


@dataclass(frozen=True, slots=True)
class Disagreement:
    """How often two people, neither of whom saw the other's, judged a case differently."""

    pairs: int
    differing: int

    @property
    def share(self) -> float | None:
        return self.differing / self.pairs if self.pairs else None

    def is_above(self, target: float, alpha: float = ALPHA) -> bool:
        """Whether people differ among themselves more often than the target, beyond doubt: it is out of reach then.

        Two people who are each wrong at a rate e, apart, differ at about 2e: half of it is what one of them is wrong at.
        """
        return lower_bound(self.differing, self.pairs, alpha) / 2 > target
