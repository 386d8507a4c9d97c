"""How fast django-helpdesk, the best-known ticket system made with Django, does the same on the same PostgreSQL server."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

VERSION = "2.6.1"
NAME = f"django-helpdesk {VERSION}"
HOME = Path(__file__).resolve().parents[2] / ".local" / "helpdesk"
DATABASE = "bench_helpdesk"


def measured(environment: dict[str, str], *, total: int, waiting: int, rounds: int) -> dict[str, list[float]]:
    """Seconds of each list, open and close, in a database of its own beside the one that `environment` names."""
    python = _installed()
    ours = urlsplit(environment["DATABASE_URL"])
    theirs = urlunsplit(ours._replace(path=f"/{DATABASE}"))
    with psycopg.connect(urlunsplit(ours), autocommit=True) as server, tempfile.TemporaryDirectory() as media:
        server.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        server.execute(f"CREATE DATABASE {DATABASE}")
        try:
            script = Path(__file__).with_name("peer_helpdesk.py")
            isolated = [str(python), "-P", str(script)]  # -P: nothing of ours is imported
            peer = [*isolated, *(str(number) for number in (total, waiting, rounds))]
            told = {"PATH": os.environ["PATH"], "DATABASE_URL": theirs, "HELPDESK_MEDIA": media}
            said = subprocess.run(peer, env=told, check=True, stdout=subprocess.PIPE, text=True)
        finally:
            server.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")
    found: dict[str, list[float]] = json.loads(said.stdout.splitlines()[-1])
    return found


def _installed() -> Path:
    python = HOME / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(HOME)], check=True)
    wanted = [f"django-helpdesk=={VERSION}", "Django~=5.2.0", "psycopg[binary]", "setuptools<81"]
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", *wanted], check=True)
    return python
