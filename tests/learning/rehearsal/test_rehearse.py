"""`manage.py rehearse`, as somebody calls it."""

import json
import subprocess
import sys
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from apps.learning.rehearsal.shop import Shop
from apps.learning.rehearsal.world import World
from apps.policies.models import Partner


class Nothing:
    """No world."""


class Begun(World):
    """Somebody's world that is not finished."""

    def rules(self):
        return ()


class Shopless(Shop):
    """A world that runs in memory only."""

    shop = World.shop


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
        (("--seed", "-1"), "0 or more"),
        (("--a-week", "-5"), "1 or more"),
        (("--a-week", "0"), "1 or more"),
        (("--page", "no/such/folder/page.html"), "There is no folder “no/such/folder”"),
        (("--world", f"{HERE}.Begun"), "is not finished: it lacks judge"),
    ],
)
def test_a_mistake_is_named(args, why):
    with pytest.raises(CommandError, match=why):
        rehearse(*args)


class TestThroughThePipeline:
    def test_one_world_at_a_time(self):
        with pytest.raises(CommandError, match="One world at a time"):
            rehearse("--through-pipeline", "--worlds", "2")

    @pytest.mark.parametrize("args", [("night",), ("journey", "--through-pipeline")])
    def test_a_world_without_a_shop_runs_in_memory_only(self, args):
        with pytest.raises(CommandError, match="has no shop: it runs in memory only"):
            call_command("rehearse", *args, "--world", f"{HERE}.Shopless")

    def test_a_night_needs_people_that_there_are(self):
        with pytest.raises(CommandError, match="1 to 8 people"):
            call_command("rehearse", "night", "--people", "9")

    @pytest.mark.django_db(transaction=True)
    def test_in_a_database_of_its_own_which_is_gone_afterwards(self):
        """As a process, the way somebody calls it: the configured database stays as it was."""
        before = Partner.objects.count()
        found = subprocess.run(
            [sys.executable, "manage.py", "rehearse", "journey", "--through-pipeline", "--weeks", "1", "--a-week", "12", "--json"],
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert found.returncode == 0, found.stderr
        last = json.loads(found.stdout.strip().splitlines()[-1])
        assert (last["worlds"], last["violations"]) == (1, 0)
        assert "12 rulings compared with memory, 0 of them otherwise" in found.stderr
        assert Partner.objects.count() == before
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_database WHERE datname LIKE 'rehearsal%'")
            assert cursor.fetchone() == (0,)
