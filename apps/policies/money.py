"""Money: an exact amount with its currency, rounded in one place."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

CENT = Decimal("0.01")


class BadAmount(ValueError):
    """The text is no amount of money; the message says why."""


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """`amount` in units of `currency` (ISO 4217), always with two decimals."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.amount:,.2f} {self.currency}"

    def __add__(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise BadAmount(f"{self} and {other} are in different currencies and cannot be added.")
        return Money(self.amount + other.amount, self.currency)


def exact_amount(text: object) -> Decimal:
    """Read an amount that must have at most two decimals and not be negative.

    Raises BadAmount for anything else: a third decimal is refused rather than rounded, since the sender
    meant something that money cannot hold.
    """
    try:
        amount = Decimal(str(text).strip())
    except InvalidOperation:
        raise BadAmount(f"“{text}” is not an amount; write it like 84.50.") from None
    if not amount.is_finite() or amount < 0:
        raise BadAmount(f"“{text}” is not an amount; write it like 84.50.")
    if amount >= Decimal("10000000000"):  # before anything is rounded: huge numbers overflow the context
        raise BadAmount(f"“{str(text)[:40]}” is too large; the largest amount is 9,999,999,999.99.")
    if amount != amount.quantize(CENT):
        raise BadAmount(f"“{text}” has more than two decimals; money has two.")
    return amount.quantize(CENT)


def rounded(amount: Decimal) -> Decimal:
    """`amount` to two decimals, halves away from zero: the one place where money is rounded."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)
