"""The house rules that a machine can check."""

import re
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
LONGEST_MODULE = 300
CODE = [
    path for folder in ("apps", "config") for path in (PROJECT / folder).rglob("*.py") if "migrations" not in path.parts
]


def test_no_module_passes_300_lines():
    long = {str(path.relative_to(PROJECT)): len(path.read_text().splitlines()) for path in CODE}
    assert {name: lines for name, lines in long.items() if lines > LONGEST_MODULE} == {}


def test_a_module_is_named_for_what_it_does():
    assert [path.name for path in CODE if path.stem in ("utils", "helpers", "services", "common")] == []


def test_lock_files_pin_by_hash_and_name_no_host():
    for name in ("requirements.txt", "requirements-test.txt"):
        text = (PROJECT / name).read_text()
        assert "--hash=sha256:" in text
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text)


def test_test_tools_are_no_part_of_what_runs():
    names = {line.split("==")[0] for line in (PROJECT / "requirements.txt").read_text().splitlines() if "==" in line}
    assert not names & {"pytest", "mypy", "ruff", "playwright", "hypothesis"}


def test_states_are_moved_in_one_place_only():
    """`QuerySet.update` and assignment pass by every guard; only `machines.py` writes a state, and triggers compare it."""
    pattern = re.compile(
        r"\.update\([^)]*\bstate\s*=|\bbulk_update\([^)]*[\"']state[\"']|(?<!OLD)(?<!NEW)\.state\s*=[^=]"
    )
    found = [str(path.relative_to(PROJECT)) for path in CODE if pattern.search(path.read_text())]
    assert found == ["apps/policies/machines.py"]


@pytest.mark.parametrize("command", [["makemigrations", "--check", "--dry-run"], ["check"]])
def test_migrations_and_settings_are_in_order(command, db):
    from django.core.management import call_command

    call_command(*command)


def test_layers_hold():
    answer = subprocess.run(
        [PROJECT / ".venv/bin/lint-imports"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout


def test_rows_stand_in_the_order_of_their_own_columns():
    """An order by another table's names joins it, and who locks such rows locks the other table's with them."""
    from django.apps import apps

    ours = [model for model in apps.get_models() if model.__module__.startswith("apps.")]
    assert len(ours) > 60
    assert [model.__name__ for model in ours if " JOIN " in str(model._base_manager.all().query)] == []
