"""A small catalogue and the articles of the demo brands, so that questions and requests for advice have an answer."""

from datetime import datetime
from decimal import Decimal

from apps.interactions import catalogue
from apps.policies.models import Partner

# sku: (name, category, price, in stock, description)
_PRODUCTS = {
    "SET-09": ("Evening gift set", "gifts", "84.50", True, "Candle, bath oil and linen cloth in a gift box."),
    "LMP-02": ("Desk lamp", "lighting", "129.00", True, "Dimmable desk lamp with a warm light for reading and work."),
    "LMP-05": ("Bedside lamp", "lighting", "69.00", True, "Small lamp for a bedside table with a soft warm light."),
    "SRM-01": ("Repair serum", "skin care", "62.00", True, "Serum for dry skin, without perfume."),
    "SRM-02": ("Day cream", "skin care", "38.00", True, "Light cream for dry or sensitive skin, without perfume."),
    "BAG-11": ("Weekend bag", "bags", "149.00", False, "Canvas bag for two or three days away."),
    "BAG-12": ("Cabin case", "bags", "189.00", True, "Light case with four wheels that fits a cabin."),
    "MUG-03": ("Stoneware mugs, set of four", "kitchen", "48.00", True, "Four stoneware mugs, safe in a dishwasher."),
    "MUG-07": ("Teapot", "kitchen", "54.00", True, "Stoneware teapot for four cups with a strainer."),
    "TEE-21": ("Linen shirt", "clothing", "39.90", True, "Washed linen, in five colours."),
    "WTC-05": ("Field watch", "watches", "640.00", True, "Hand-wound watch with a leather strap."),
}
_ARTICLES = {
    "shipping": (
        "Shipping",
        "We ship within the United States and to Canada and Mexico.",
        "Standard shipping costs 6.90 USD and is free from 75.00 USD on. Express shipping costs 18.00 USD.",
        "We do not deliver to post office boxes.",
    ),
    "payment": (
        "Payment",
        "The payment methods we accept are credit card, PayPal and gift card.",
        "You cannot pay in instalments or by bank transfer.",
    ),
    "cancellation": (
        "Cancelling an order",
        "Cancelling an order costs nothing: there is no cancellation fee as long as the order has not left our warehouse.",
    ),
    "account": (
        "Your account",
        "To reset a forgotten password, choose “Forgot password” on the log-in page and follow the link that we send you.",
        "To create an account or register, choose “Sign up” at the top of any page.",
        "To delete or close your account, choose “Close my account” in its settings.",
    ),
    "invoices": (
        "Invoices",
        "To find, download or print an invoice or bill, open the order in your account and choose “Invoice”.",
    ),
    "ordering": (
        "How to order",
        "To place an order, put a product into the basket, choose “Check out” and follow the three steps to pay.",
    ),
    "care": (
        "Caring for our goods",
        "The linen shirt is washed at 30 degrees and dried flat, so that it does not shrink.",
        "The stoneware is safe in a dishwasher and in a microwave.",
    ),
}


def fill(partner: Partner, as_of: datetime) -> None:
    """Write both; what is there already and newer stays."""
    for sku, (name, category, price, in_stock, description) in _PRODUCTS.items():
        data = {"name": name, "category": category, "price": Decimal(price), "currency": partner.currency,
                "in_stock": in_stock, "description": description}  # fmt: skip
        catalogue.put_product(partner, sku, data, as_of=as_of)
    for slug, (title, *paragraphs) in _ARTICLES.items():
        article = {"title": title, "body": "\n\n".join(paragraphs)}
        catalogue.put_article(partner, slug, article, as_of=as_of)
