"""Every operation of the API against its schema, by schemathesis: how many requests, and what of it was not as described."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from apps.interactions.demo import demo_partner
from apps.interactions.models import Scope
from tests import factories
from tests.benchmarks.partner_api import until_it_answers
from tests.benchmarks.row import at_least, at_most
from tests.contract.running import run

PROJECT = Path(__file__).resolve().parents[2]
PORT, EXAMPLES = 8432, 60


def rows(environment: dict[str, str]) -> list[dict[str, Any]]:
    partner = demo_partner("bench", "Bench")
    key = factories.ApiKeyFactory(partner=partner, scopes=Scope.values, calls_a_minute=10_000_000).issued
    web = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{PORT}", "--threads", "4", "--log-level", "error"],
        cwd=PROJECT, env={**environment, "REMIT_LOG_LEVEL": "ERROR"},
    )  # fmt: skip
    address = f"http://127.0.0.1:{PORT}"
    try:
        until_it_answers(address)
        found = run(address, key, examples=EXAMPLES)
    finally:
        web.terminate()
        web.wait()
    for failure in found.failures[:5]:
        sys.stderr.write(failure + "\n")
    return [
        at_least("schemathesis, every operation: requests", found.requests, "", 5000, digits=0),
        at_most("schemathesis: server errors and undocumented answers", len(found.failures), "", 0, digits=0),
    ]
