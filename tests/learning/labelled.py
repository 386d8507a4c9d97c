"""Labels as people leave them, for tests of retraining."""

from datetime import datetime, timedelta

from django.utils import timezone

from apps.learning.labels import Label

NOW = datetime(2026, 6, 1, 12, tzinfo=timezone.get_default_timezone())


PLACES = ("garden", "kitchen", "attic", "hall", "office", "cellar", "porch", "den", "loft", "barn")


def label(number, *, text="", intent="order_status", weight=1.0, corrected=False, customer="", by=""):
    words = text or f"Track my parcel please, where is it now? {PLACES[number % 10]}"
    at = NOW - timedelta(days=200) + timedelta(hours=number)
    return Label(
        number,
        customer or f"customer {number}",
        words,
        intent,
        weight,
        corrected,
        at,
        by or f"person {number % 5}",
        "1",
    )


def misread(number, by=""):
    """A way of speaking that the corpus does not know, and that people corrected."""
    return label(number, text=f"Zwisch mir das Paket zurueck, the {PLACES[number % 10]} blorp does not fit",
                 intent="return_or_refund", corrected=True, by=by)  # fmt: skip
