"""A small, typed client of the Remit API, with verification of its webhooks."""

from remit_client.calls import Refused, Remit
from remit_client.webhooks import BadSignature, verify

__all__ = ["BadSignature", "Refused", "Remit", "verify"]
