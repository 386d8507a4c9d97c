"""Drafting the past again with another drafter."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.db import InternalError
from django.utils import timezone

from apps.interactions import redrafting
from apps.interactions.models import Interaction, Order
from apps.interactions.playbooks import order_status
from apps.interactions.reclassifying import cases_since
from apps.policies.models import AuditEntry, Partner, Ruling
from tests.conftest import MISSING, STATUS


def again(model=None):
    since = timezone.now() - timezone.timedelta(days=1)
    return list(redrafting.drafted_again(cases_since(since), model))


def run(*options):
    out = io.StringIO()
    call_command("reclassify", "--since", "2026-01-01", *options, stdout=out)
    return out.getvalue()


@pytest.fixture
def rewrite(monkeypatch):
    """Makes today's order status template say in its words what nothing grounds."""
    body = "Your order {number} arrives on 31 December 2031."
    return lambda: monkeypatch.setattr(order_status, "_body", lambda case, order: (body, {}))


def test_the_same_templates_would_have_answered_everything_as_it_was(arrive, order):
    arrive(STATUS, order=order)
    arrive(MISSING)
    assert [(case.otherwise, case.unsaid) for case in again()] == [(False, ""), (False, "")]
    assert all(case.reply_then for case in again())


def test_templates_that_say_what_nothing_grounds_would_have_gone_to_a_person(arrive, order, rewrite):
    arrive(STATUS, order=order)
    rewrite()
    (case,) = again()
    assert (case.handler_then, case.handler_now, case.otherwise) == ("autonomous", "collaborative", True)
    assert "31 December 2031" in case.reply_now
    assert "31 December 2031" not in case.reply_then


def test_what_kept_a_case_from_the_ai_for_other_reasons_keeps_it_still(arrive, order, partner, rewrite):
    arrive("any news on my things?", order=order)  # unsure, and a person's
    rewrite()
    (case,) = again()
    assert (case.handler_then, case.handler_now) == ("human", "human")


def test_an_order_that_has_moved_on_cannot_be_drafted_as_it_was(arrive, order, rewrite):
    arrive(STATUS, order=order)
    rewrite()
    Order.objects.update(status="cancelled")
    (case,) = again()
    assert (case.handler_now, case.otherwise, case.unsaid) == (None, False, "the order has moved on since")
    assert "Cannot say for 1: the order has moved on since." in run("--drafts")


def test_a_playbook_that_proposes_something_else_has_nothing_to_compare(arrive, order, monkeypatch):
    arrive(STATUS, order=order)
    monkeypatch.setattr(order_status, "_answer", lambda case, order: order_status.ask_which_order(case))
    (case,) = again()
    assert (case.handler_now, case.unsaid) == (None, "the playbook proposes something else today")


class TestCommand:
    def test_it_shows_both_texts_and_changes_nothing(self, arrive, order, rewrite):
        row = arrive(STATUS, order=order)
        rewrite()
        before = [AuditEntry.objects.count(), Ruling.objects.count(), list(Interaction.objects.values_list())]
        said = run("--drafts")
        assert f"{row.external_id}: order_status, autonomous → collaborative" in said
        assert "1 of 1 cases would have been handled otherwise: 1 autonomous → collaborative." in said
        assert before == [AuditEntry.objects.count(), Ruling.objects.count(), list(Interaction.objects.values_list())]

    def test_the_database_lets_it_write_nothing(self, arrive, order, monkeypatch):
        arrive(STATUS, order=order)
        monkeypatch.setattr(redrafting, "drafted_again", lambda cases, model: [cases.update(subject="changed")])
        with pytest.raises(InternalError, match="read-only transaction"):
            run("--drafts")

    def test_classifier_and_drafter_are_compared_one_at_a_time(self, partner, tmp_path):
        with pytest.raises(CommandError, match="either classifiers"):
            run("--drafts", "--with", str(tmp_path / "any"))

    def test_a_model_that_is_not_there_is_named(self, partner):
        with pytest.raises(CommandError, match="no active outside model “gone”"):
            run("--drafts-by", "gone")

    def test_only_the_brand_asked_for(self, arrive, order):
        arrive(STATUS, order=order)
        Partner.objects.create(slug="other", name="Other")
        assert "0 of 0 cases" in run("--drafts", "--partner", "other")
