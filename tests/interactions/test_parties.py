"""Whom a limit counts: the customer, the address and the means of payment of a case, by keys that tell nothing."""

import pytest

from apps.interactions.budgets import parties_of
from apps.interactions.demo import demo_partner
from apps.interactions.models import Payment
from tests import factories

HOME = {"street": "Main Street 1", "city": "Utrecht"}


def at(customer, **destination):
    """The key of an address to which an order of this customer goes."""
    order = factories.OrderFactory(customer=customer, destination=destination)
    return parties_of(customer, order).get("address")


def paid(customer, **payment):
    """The key of the means of payment of an order of this customer."""
    order = factories.OrderFactory(customer=customer)
    Payment.objects.filter(order=order).update(**payment)
    return parties_of(customer, order).get("payment")


def test_a_case_without_customer_and_order_has_no_parties(db):
    assert parties_of(None, None) == {}


def test_an_order_without_address_and_token_tells_the_customer_only(customer, order):
    assert parties_of(customer, order) == {"customer": str(customer.pk)}
    assert parties_of(customer, None) == {"customer": str(customer.pk)}


def test_two_customers_of_one_home_and_card_share_these_and_not_themselves(customer):
    both = []
    for who in (customer, factories.CustomerFactory(partner=customer.partner)):
        order = factories.OrderFactory(customer=who, destination=HOME)
        order.payments.update(reference="card-token-1")
        both.append(parties_of(who, order))
    assert {name for name in both[0] if both[0][name] == both[1][name]} == {"address", "payment"}


@pytest.mark.parametrize(
    "spelling",
    [
        {"street": " main STREET 1 ", "city": "UTRECHT"},
        {"city": "Utrecht", "street": "Main Street 1"},
        {**HOME, "line2": ""},
        {**HOME, "line2": None},
    ],
)
def test_an_address_that_is_spelled_differently_is_the_same(customer, spelling):
    assert at(customer, **spelling) == at(customer, **HOME)


@pytest.mark.parametrize("other", [{"street": "Main Street 2", "city": "Utrecht"}, {**HOME, "city": "Delft"}])
def test_another_address_is_another(customer, other):
    assert at(customer, **other) != at(customer, **HOME)


@pytest.mark.parametrize("part", ["street", "line1", "address1"])
def test_a_street_makes_an_address(customer, part):
    assert at(customer, **{part: "Main Street 1"})


@pytest.mark.parametrize("destination", [{}, {"city": "Utrecht", "country": "NL"}, {"street": "", "city": "Utrecht"}])
def test_a_town_is_nobodys_own(customer, destination):
    assert at(customer, **destination) is None


def test_a_token_is_of_a_payment_and_not_of_a_refund(customer):
    assert paid(customer, reference="card-token-1")
    assert paid(customer, reference="card-token-1", kind="refund") is None
    assert paid(customer, reference="") is None


def test_another_token_is_another_means_of_payment(customer):
    assert paid(customer, reference="card-token-1") != paid(customer, reference="card-token-2")


def test_keys_tell_nothing_and_are_of_one_brand(customer):
    stranger = factories.CustomerFactory(partner=demo_partner("oru", "Oru"))
    assert at(customer, **HOME) != at(stranger, **HOME)
    assert paid(customer, reference="token-1") != paid(stranger, reference="token-1")
    for key in (at(customer, **HOME), paid(customer, reference="token-1")):
        assert not any(text in key for text in ("main", "utrecht", "token"))
