"""Boundaries as YAML: written out and read back to the same, and refused with the line when something is wrong."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from apps.policies import documents, releases, version_diff
from apps.policies.documents import BadDocument
from apps.policies.errors import Refused
from apps.policies.models import Boundary, BoundaryVersion, Guardrail
from tests import factories

SMALL = """boundary: Small
currency: USD
rules:
  - for: refund_exception
    when:
      - order.days_past_window between 1 and 15
      - customer.tier in gold, vip
      - order.refundable <= 100.00 USD
    then: autonomous
    action: refund
    ceiling: 100.00
  - for: refund_exception
    then: human
guardrails:
  - kind: velocity
    actions: [refund]
    count: 2
    days: 90
    per: address
  - kind: quiet
    from: "22:00"
    to: "06:00"
  - kind: never
    when: [message.public is yes]
  - kind: ceiling
    amount: 100.00
    hard: true
"""


def test_what_is_written_out_reads_back_to_the_same_content(partner, author):
    active = partner.boundary.active_version
    draft = documents.import_draft(author, documents.to_yaml(active))
    assert draft.boundary == partner.boundary
    assert draft.current_hash() == active.current_hash()


def test_every_kind_of_row_survives(author):
    first = documents.import_draft(author, SMALL)
    assert [guardrail.kind for guardrail in first.guardrails.all()] == ["velocity", "quiet", "never", "ceiling"]
    assert first.guardrails.get(kind=Guardrail.Kind.CEILING).hard
    again = documents.import_draft(author, documents.to_yaml(first))
    assert again.current_hash() == first.current_hash()
    assert again.number == 2


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("order.days_past_window between", "order.nonsense between", "line 6: .*no fact “order.nonsense”"),
        ("between 1 and 15", "between 15 and 1", "line 6: .*must come first"),
        ("between 1 and 15", "between 1", "line 6: .*needs two values"),
        ("between 1 and 15", "≤ soon", "line 6: .*is a number"),
        ("tier in gold, vip", "tier in platinum", "line 7: .*never “platinum”"),
        ("tier in gold, vip", "tier like gold", "line 7: .*does not fit"),
        ("100.00 USD", "100.00 EUR", "line 8: .*is money in USD"),
        ("100.00 USD", "100", "line 8: .*is money in USD"),
        ("then: autonomous", "then: robot", "line 9: “robot” is none of"),
        ("action: refund", "actoin: refund", "line 10: a rule has no “actoin”"),
        ("ceiling: 100.00", "ceiling: 1.234", "line 11: “1.234” is not an amount"),
        ("ceiling: 100.00", "ceiling: 5\n    ceiling: 6", "line 12: “ceiling” stands here twice"),
        ("  - for: refund_exception\n    then: human", "  - then: human", "line 12: “for” is missing"),
        ("boundary: Small", "name: Small", "line 1: a boundary has no “name”"),
        ("count: 2", "count: two", "line 17: “two” is not a whole number"),
        ("    count: 2\n", "", "line 15: this guardrail needs amount or count"),
        ("per: address", "per: planet", "“planet” is none of"),
        ('to: "06:00"', 'to: "26:00"', "“26:00” is not a time"),
        ("hard: true", "hard: maybe", "“maybe” is not true or false"),
        ("rules:", "rules: none\nx:", "rules is a list"),
        ("boundary: Small", "boundary: [", "line 3: this is no YAML"),
        ("boundary: Small", "boundary: ' '", "say which boundary"),
        ("currency: USD", "currency: usd", "line 2: “usd” is no currency"),
        ("days: 90", "days: 0", "from 1 to 365 days"),
        ("count: 2", "count: 99999", "from 0 to 32,767"),
        ('from: "22:00"', 'from: "22:00+01:00"', "without a zone"),
        ("boundary: Small", 'boundary: "a\\0b"', "cannot be stored"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_makes_nothing(author, old, new, says):
    assert old in SMALL
    with pytest.raises(BadDocument, match=says):
        documents.import_draft(author, SMALL.replace(old, new, 1))
    assert not Boundary.objects.exists()


def test_an_order_that_two_rules_have_is_refused(author):
    twice = SMALL.replace("  - for: refund_exception\n", "  - order: 1\n    for: refund_exception\n")
    with pytest.raises(BadDocument, match="order 1 is taken by another rule above"):
        documents.import_draft(author, twice)
    once = twice.replace("order: 1", "order: 2", 1)
    assert documents.import_draft(author, once).rules.first().handler == "human"


def test_all_problems_are_said_at_once(author):
    with pytest.raises(BadDocument) as bad:
        documents.import_draft(author, SMALL.replace("gold, vip", "iron").replace("count: 2", "count: x"))
    assert len(bad.value.problems) >= 2


def test_a_parent_is_named_and_a_circle_refused(partner, author):
    base = documents.import_draft(author, SMALL)
    releases.submit(author, base)
    releases.activate(author, releases.approve(factories.ops_manager(), base))
    child = documents.import_draft(
        author, SMALL.replace("Small", "Child", 1) + "parent: {boundary: Small, version: 1}\n"
    )
    assert child.parent == base
    assert "parent guardrail 1" in child.rows_by_key()
    releases.submit(author, child)
    releases.activate(author, releases.approve(factories.ops_manager(), child))
    with pytest.raises(Refused, match="that would be a circle"):
        documents.import_draft(author, SMALL + "parent: {boundary: Child, version: 1}\n")
    with pytest.raises(Refused, match="no version 9"):
        documents.import_draft(author, SMALL + "parent: {boundary: Child, version: 9}\n")


class TestCommand:
    def run(self, *args, **options):
        out = io.StringIO()
        call_command("boundary", *args, stdout=out, **options)
        return out.getvalue()

    def test_export_import_verify_diff_and_replay(self, partner, author, tmp_path):
        text = self.run("export", "Lenient returns")
        file = tmp_path / "boundary.yaml"
        file.write_text(text.replace("'2000.00'", "'9000.00'"), encoding="utf-8")
        said = self.run("import", str(file), user=author.username)
        assert "Lenient returns version 2 is a draft" in said
        assert "9,000.00 USD" in said
        assert "It widens what the AI may do." in said
        assert "It widens" in self.run("verify", "Lenient returns", number=2)
        diff = self.run("diff", "Lenient returns", "1", "2")
        assert "+  amount: '9000.00'" in diff
        assert "Resolved by AI alone: None → None %" in self.run(
            "replay", "Lenient returns", number=2, user=author.username
        )

    def test_what_does_not_exist_is_said(self, partner, author, tmp_path):
        with pytest.raises(CommandError, match="there is Lenient returns"):
            self.run("export", "Nope")
        with pytest.raises(CommandError, match="has no version 7"):
            self.run("export", "Lenient returns", number=7)
        with pytest.raises(CommandError, match="cannot be read"):
            self.run("import", str(tmp_path / "none.yaml"), user=author.username)
        with pytest.raises(CommandError, match="may not edit"):
            self.run("import", "-", user=factories.supervisor().username)


class TestPages:
    @pytest.fixture
    def ops(self, author):
        client = Client()
        client.force_login(author)
        return client

    def test_import_shows_the_lines_and_keeps_the_text(self, ops):
        answer = ops.post("/admin/policies/boundaryversion/import/", {"text": SMALL.replace("gold, vip", "iron")})
        shown = answer.content.decode()
        assert "line 7" in shown
        assert "customer.tier in iron" in shown
        ops.post("/admin/policies/boundaryversion/import/", {"text": SMALL})
        assert BoundaryVersion.objects.get().boundary.name == "Small"

    def test_two_versions_compare_in_words_and_as_yaml(self, ops, partner, author):
        text = documents.to_yaml(partner.boundary.active_version).replace("'2000.00'", "'9000.00'")
        draft = documents.import_draft(author, text)
        shown = ops.get(f"/admin/policies/boundaryversion/{draft.pk}/compare/").content.decode()
        assert "Never more than 2,000.00 USD a day and brand for refund. → Never more than 9,000.00 USD" in shown
        assert '<span class="added">+   amount: &#x27;9000.00&#x27;' in shown
        yaml = ops.get(f"/admin/policies/boundaryversion/{draft.pk}/yaml/")
        assert yaml["Content-Disposition"].endswith('"lenient-returns-2.yaml"')


def test_what_differs_is_shown_with_its_surroundings_and_the_rest_is_counted(partner, author):
    before = partner.boundary.active_version
    text = documents.to_yaml(before).splitlines()
    after = documents.import_draft(author, "\n".join(text).replace("150.00", "120.00", 1))
    lines = version_diff.diff(before, after).lines
    (removed,) = [line.text for line in lines if line.kind == "removed"]
    (added,) = [line.text for line in lines if line.kind == "added"]
    assert (removed.replace("150.00", "120.00"), "120.00" in added) == (added, True)
    at = text.index(removed)
    same = [line.text for line in lines if line.kind == "same"]
    assert same == text[at - version_diff.NEAR : at] + text[at + 1 : at + 1 + version_diff.NEAR]
    counted = [int(line.text.split()[1]) for line in lines if line.kind == "left_out"]
    assert sum(counted) + len(same) + 1 == len(text)
    assert version_diff.diff(before, before).lines == (version_diff.Line("left_out", f"… {len(text)} lines the same"),)


def test_a_text_that_is_nested_without_end_is_refused(author):
    with pytest.raises(BadDocument):
        documents.import_draft(author, "boundary: " + "[" * 5000)
