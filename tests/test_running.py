"""`make run` on a bare copy of the project with the embedded PostgreSQL: starts, answers, and ends without a trace."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest

from config import postgres, postgres_user
from config.postgres_binaries import PostgresError

PROJECT = Path(__file__).parents[1]
LONGEST_SECONDS = 180


@pytest.fixture
def folder():
    """A temporary folder that everybody may enter, as PostgreSQL's user must."""
    made = Path(tempfile.mkdtemp(prefix="remit-test-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def copy(folder):
    """The project's files in a folder of their own, without its database."""
    target = folder / "remit"
    ignored = shutil.ignore_patterns(".venv", ".local", ".git", "__pycache__", ".*_cache", ".hypothesis")
    shutil.copytree(PROJECT, target, ignore=ignored)
    (target / ".venv").symlink_to(PROJECT / ".venv")
    classifier = PROJECT / ".local" / "classifier"
    if classifier.exists():  # training is tested elsewhere
        shutil.copytree(classifier, target / ".local" / "classifier")
    return target


def environment(**more):
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("REMIT_", "DATABASE_URL", "DJANGO_"))
    }
    return {**kept, "REMIT_POSTGRES": "embedded", "PYTHONUNBUFFERED": "1", **more}


def read_until(process, wanted):
    lines, deadline = [], time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        line = process.stdout.readline()
        lines.append(line)
        if wanted in line:
            return lines
        if not line and process.poll() is not None:
            break
    pytest.fail(f"“{wanted}” did not come:\n{''.join(lines)}")


def in_session_or_folder(folder):
    """Processes that still work for the copy: their command or folder names it."""
    found = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    return [line for line in found.splitlines() if str(folder) in line]


def child_of(process, command):
    listed = ["ps", "--ppid", str(process.pid), "-o", "pid=,args="]
    found = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.splitlines()
    return next(int(line.split()[0]) for line in found if command in line)


def pid_file(copy):
    """The running database's pid file, or None when it has ended. There must be a database in either case."""
    (data,) = (copy / ".local" / "postgres").glob("*/data")
    found = data / "postmaster.pid"
    return found if found.exists() else None


def test_it_starts_on_a_free_port_answers_and_ends_all_on_ctrl_c(copy):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-m", "config.processes"], cwd=copy, env=environment(REMIT_PORT=str(port)), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            said = "".join(read_until(process, "admin"))
            assert f"Port {port} is taken" in said
            assert "Log-ins, each with the password" in said
            address = re.search(r"http://127\.0\.0\.1:(\d+)/", said)[0]
            with urllib.request.urlopen(f"{address}health/", timeout=10) as answer:
                assert answer.status == 200
            with urllib.request.urlopen(f"{address}sign-in/", timeout=10) as answer:
                assert b"Sign in to Remit" in answer.read()
            os.kill(child_of(process, "sendwebhooks"), signal.SIGKILL)
            read_until(process, "The webhooks process ended by itself (code -9) and is started anew.")
            assert child_of(process, "sendwebhooks")
        finally:
            process.send_signal(signal.SIGINT)
            rest = process.communicate(timeout=60)[0]
    assert process.returncode == 0
    assert rest.rstrip().endswith("Ended.")
    assert in_session_or_folder(copy) == []
    assert pid_file(copy) is None, "the database has ended, too"


def test_a_command_starts_the_database_for_as_long_as_it_runs(copy):
    for _ in range(2):
        command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        answer = subprocess.run(command, cwd=copy, env=environment(), capture_output=True, text=True, check=False)
        assert answer.returncode == 0, answer.stderr
        assert pid_file(copy) is None


def test_a_stale_pid_file_is_no_obstacle(copy):
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=copy, env=environment(), check=True, capture_output=True)
    (home,) = (copy / ".local" / "postgres").glob("*/data")
    (home / "postmaster.pid").write_text(f"{os.getpid()}\n{home}\n1\n5432\n/nowhere\n\n\nready\n")
    answer = subprocess.run(command, cwd=copy, env=environment(), capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr


def test_under_a_closed_folder_the_data_goes_where_postgresql_may_enter(copy, folder):
    folder.chmod(0o700)
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    answer = subprocess.run(command, cwd=copy, env=environment(), capture_output=True, text=True, check=False)
    outside = postgres_user.outside_folder(copy)
    try:
        assert answer.returncode == 0, answer.stderr
        assert (os.geteuid() != 0) or list(outside.glob(".local/postgres/*/data"))
    finally:
        shutil.rmtree(outside, ignore_errors=True)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"REMIT_POSTGRES": "oracle"}, "set it to system or embedded"),
        ({"DATABASE_URL": "mysql://x/y"}, "Write it as postgresql://"),
        ({"DATABASE_URL": "postgresql://host/"}, "names no database"),
        ({"REMIT_DEMO": "0"}, "Set REMIT_SECRET_KEY"),
    ],
)
def test_what_is_set_wrongly_fails_with_a_sentence(copy, more, says):
    command = [sys.executable, "manage.py", "check"]
    answer = subprocess.run(command, cwd=copy, env=environment(**more), capture_output=True, text=True, check=False)
    assert answer.returncode != 0
    assert says in answer.stderr


def test_a_port_that_is_no_port_fails_with_a_sentence(copy):
    command = [sys.executable, "-m", "config.processes"]
    answer = subprocess.run(
        command, cwd=copy, env=environment(REMIT_PORT="x"), capture_output=True, text=True, check=False
    )
    assert answer.returncode != 0
    assert "set it to a number" in answer.stderr


def test_a_password_in_the_address_is_never_printed():
    with pytest.raises(PostgresError) as refused:
        postgres.from_url("postgresql://user:hunter2@host:port/name")
    assert "hunter2" not in str(refused.value)


def test_the_parts_of_an_address_are_read():
    settings = postgres.from_url("postgresql://us%40er:p%3Aw@db.example:5433/remit?sslmode=require")
    assert settings["USER"] == "us@er"
    assert settings["PASSWORD"] == "p:w"
    assert (settings["HOST"], settings["PORT"], settings["NAME"]) == ("db.example", "5433", "remit")
    assert (settings["OPTIONS"]["sslmode"], settings["OPTIONS"]["prepare_threshold"]) == ("require", 5)
    unprepared = postgres.from_url("postgresql://db.example/remit?prepare_threshold=0")
    assert unprepared["OPTIONS"]["prepare_threshold"] is None
    with pytest.raises(PostgresError, match="which is no number"):
        postgres.from_url("postgresql://db.example/remit?prepare_threshold=often")
