"""`manage.py rehearse`, as somebody calls it."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.learning.rehearsal.shop import Shop


class Nothing:
    """No world."""


class Quiet(Shop):
    """A world of somebody's own."""

    def week(self, number, count):
        return super().week(number, 200)


HERE = "tests.learning.rehearsal.test_rehearse"


def rehearse(*args):
    out, said = StringIO(), StringIO()
    call_command("rehearse", "journey", *args, stdout=out, stderr=said)
    return out.getvalue(), said.getvalue()


def test_the_last_line_is_json_with_a_number_a_world():
    out, said = rehearse("--weeks", "2", "--worlds", "2", "--seed", "7", "--world", f"{HERE}.Quiet", "--json")
    last = json.loads(out.strip().splitlines()[-1])
    assert set(last) == {
        "worlds", "violations", "start_rate", "end_rate", "true_error", "alpha", "proposals", "breaker_weeks",
    }  # fmt: skip
    assert (last["worlds"], last["alpha"], last["violations"]) == (2, 0.02, 0)
    assert [len(last[name]) for name in ("start_rate", "end_rate", "true_error", "breaker_weeks")] == [2] * 4
    assert "world 7:" in said


def test_the_page_shows_the_curves(tmp_path):
    page = tmp_path / "rehearsal.html"
    _, said = rehearse("--weeks", "3", "--worlds", "2", "--world", f"{HERE}.Quiet", "--page", str(page))
    assert str(page) in said
    text = page.read_text()
    assert text.count("<polyline") == 6, "a curve a world and the median, twice"
    assert "Rehearsal: Quiet" in text
    assert 'class="limit"' in text


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (("--world", "nobody.knows.This"), "There is no world"),
        (("--world", f"{HERE}.Nothing"), "is no World"),
        (("--weeks", "0"), "1 or more"),
        (("--alpha", "2"), "between 0 and 1"),
        (("--blind", "0"), "without evidence"),
    ],
)
def test_a_mistake_is_named(args, why):
    with pytest.raises(CommandError, match=why):
        rehearse(*args)
