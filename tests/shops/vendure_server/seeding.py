"""What a new shop must have before it can sell: the fewest steps through the Admin API, under a second in all."""

from typing import Any

from tests.shops.vendure_server.graphql import Door

CATALOGUE = {"PAN-L": ("Large", 4200), "PAN-S": ("Small", 1850)}  # price in US cents, tax included
SHIPPING_CENTS = 500
TAX_PERCENT = 20
PAYMENT_METHODS = {"settling-payment": [], "dummy-payment": [{"name": "automaticSettle", "value": "true"}]}
HANDLERS = {"settling-payment": "settling-payment", "dummy-payment": "dummy-payment-handler"}


def is_seeded(admin: Door) -> bool:
    return bool(admin.do("{ paymentMethods { totalItems } }")["totalItems"])


def seed(admin: Door) -> None:
    """Zone and country, tax, shipping, both payment methods, and one product in two sizes."""
    _zone_and_tax(admin)
    _shipping(admin)
    for code, arguments in PAYMENT_METHODS.items():
        _payment_method(admin, code, arguments)
    _product(admin)


def _zone_and_tax(admin: Door) -> None:
    country = admin.do(
        """mutation { createCountry(input: {code: "US", enabled: true,
             translations: [{languageCode: en, name: "United States"}]}) { id } }"""
    )["id"]
    zone = admin.do(
        "mutation ($in: CreateZoneInput!) { createZone(input: $in) { id } }",
        **{"in": {"name": "US", "memberIds": [country]}},
    )["id"]
    channel = admin.do("{ activeChannel { id } }")["id"]
    changed = {"id": channel, "defaultTaxZoneId": zone, "defaultShippingZoneId": zone, "pricesIncludeTax": True}
    admin.do(
        """mutation ($in: UpdateChannelInput!) { updateChannel(input: $in) {
             ... on Channel { id } ... on ErrorResult { errorCode message } } }""",
        **{"in": changed},
    )
    category = admin.do('mutation { createTaxCategory(input: {name: "Standard", isDefault: true}) { id } }')["id"]
    rate = {"name": "Standard", "enabled": True, "value": TAX_PERCENT, "categoryId": category, "zoneId": zone}
    admin.do("mutation ($in: CreateTaxRateInput!) { createTaxRate(input: $in) { id } }", **{"in": rate})


def _shipping(admin: Door) -> None:
    method = {
        "code": "standard",
        "fulfillmentHandler": "manual-fulfillment",
        "checker": _operation("default-shipping-eligibility-checker", orderMinimum="0"),
        "calculator": _operation(
            "default-shipping-calculator", rate=str(SHIPPING_CENTS), includesTax="include", taxRate=str(TAX_PERCENT)
        ),
        "translations": [{"languageCode": "en", "name": "Standard", "description": ""}],
    }
    admin.do("mutation ($in: CreateShippingMethodInput!) { createShippingMethod(input: $in) { id } }", **{"in": method})


def _payment_method(admin: Door, code: str, arguments: list[dict[str, str]]) -> None:
    method = {
        "code": code,
        "enabled": True,
        "handler": {"code": HANDLERS[code], "arguments": arguments},
        "translations": [{"languageCode": "en", "name": code, "description": ""}],
    }
    admin.do("mutation ($in: CreatePaymentMethodInput!) { createPaymentMethod(input: $in) { id } }", **{"in": method})


def _product(admin: Door) -> None:
    product = admin.do(
        """mutation { createProduct(input: {enabled: true,
             translations: [{languageCode: en, name: "Pan", slug: "pan", description: ""}]}) { id } }"""
    )["id"]
    group = admin.do(
        """mutation ($options: [CreateGroupOptionInput!]!) { createProductOptionGroup(input: {code: "size",
             translations: [{languageCode: en, name: "Size"}], options: $options}) { id options { id code } } }""",
        options=[{"code": sku, **_named(size)} for sku, (size, _) in CATALOGUE.items()],
    )
    admin.do(
        """mutation ($product: ID!, $group: ID!) {
             addOptionGroupToProduct(productId: $product, optionGroupId: $group) { id } }""",
        product=product,
        group=group["id"],
    )
    options = {option["code"]: option["id"] for option in group["options"]}
    variants = [
        {
            "productId": product,
            "sku": sku,
            "price": cents,
            "trackInventory": "FALSE",
            "optionIds": [options[sku]],
            **_named(f"Pan {size}"),
        }
        for sku, (size, cents) in CATALOGUE.items()
    ]
    admin.ask(
        "mutation ($in: [CreateProductVariantInput!]!) { createProductVariants(input: $in) { id } }", **{"in": variants}
    )


def _named(name: str) -> dict[str, Any]:
    return {"translations": [{"languageCode": "en", "name": name}]}


def _operation(code: str, **arguments: str) -> dict[str, Any]:
    return {"code": code, "arguments": [{"name": name, "value": value} for name, value in arguments.items()]}
