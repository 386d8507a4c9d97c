"""A guest buys: the walk through the Shop API from an empty cart to a settled payment."""

from tests.shops.vendure_server.graphql import FAILED, Door


def buy(shop_url: str, quantities: dict[str, int], customer: dict[str, str], payment: str) -> str:
    """The code of the new order; quantities are by variant id, the customer is a CreateCustomerInput."""
    guest = Door(shop_url)
    try:
        for variant, quantity in quantities.items():
            guest.do(_ADD_ITEM, variant=variant, quantity=quantity)
        guest.do(_SET_CUSTOMER, who=customer)
        guest.do(_SET_ADDRESS, to=_ADDRESS | {"fullName": f"{customer['firstName']} {customer['lastName']}"})
        (method,) = guest.ask("{ eligibleShippingMethods { id } }")["eligibleShippingMethods"]
        guest.do(_SET_SHIPPING, method=method["id"])
        guest.do(_ARRANGE_PAYMENT)
        order = guest.do(_PAY, how={"method": payment, "metadata": {}})
    finally:
        guest.close()
    assert order["state"] == "PaymentSettled", order
    return str(order["code"])


_ADDRESS = {
    "streetLine1": "12 Analytical Row",
    "city": "Portland",
    "province": "OR",
    "postalCode": "97201",
    "countryCode": "US",
    "phoneNumber": "+1 503 555 0100",
}
_ADD_ITEM = f"""mutation ($variant: ID!, $quantity: Int!) {{
  addItemToOrder(productVariantId: $variant, quantity: $quantity) {{ ... on Order {{ id }} {FAILED} }} }}"""
_SET_CUSTOMER = f"""mutation ($who: CreateCustomerInput!) {{
  setCustomerForOrder(input: $who) {{ ... on Order {{ id }} {FAILED} }} }}"""
_SET_ADDRESS = f"""mutation ($to: CreateAddressInput!) {{
  setOrderShippingAddress(input: $to) {{ ... on Order {{ id }} {FAILED} }} }}"""
_SET_SHIPPING = f"""mutation ($method: [ID!]!) {{
  setOrderShippingMethod(shippingMethodId: $method) {{ ... on Order {{ id }} {FAILED} }} }}"""
_ARRANGE_PAYMENT = f"""mutation {{
  transitionOrderToState(state: "ArrangingPayment") {{ ... on Order {{ id }} {FAILED} }} }}"""
_PAY = f"""mutation ($how: PaymentInput!) {{
  addPaymentToOrder(input: $how) {{ ... on Order {{ id code state }} {FAILED} }} }}"""
