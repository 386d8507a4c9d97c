"""Signals, to look up; the page for people is /signals/."""

from django.contrib import admin

from apps.learning.models import Signal
from apps.policies.admin.base import OfPartners, ReadOnly


@admin.register(Signal)
class SignalAdmin(OfPartners, ReadOnly):
    list_display = ("at", "partner", "case_type", "proposed_action", "final_action", "agreed", "by", "seconds")
    list_filter = ("agreed", "case_type", "partner")
