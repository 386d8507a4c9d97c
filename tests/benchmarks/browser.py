"""Reach in Chromium: how soon the next case is on the screen after ⏎, and what the first load weighs."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from config.processes import web_command
from tests.benchmarks.row import at_most

PROJECT = Path(__file__).resolve().parents[2]
CASES = 60
_WAIT_FOR_NEXT = """() => {
  window.seen = new Promise((resolve) => {
    const first = document.querySelector('#case h1').textContent, started = performance.now(), times = {};
    const look = () => {
      const heading = document.querySelector('#case h1');
      if (heading && heading.textContent !== first && !times.shown) times.shown = performance.now() - started;
      if (times.shown && document.querySelector('#case > :not([data-decided]) .ring')) times.ready = performance.now() - started;
      if (times.ready) { observer.disconnect(); requestAnimationFrame(() => resolve(times)); }
    };
    const observer = new MutationObserver(look);
    observer.observe(document.querySelector('#case'), { childList: true, subtree: true });
  });
}"""
_WEIGHT = """() => [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
  .reduce((sum, entry) => sum + entry.transferSize, 0)"""


@contextmanager
def served(environment: dict[str, str]) -> Iterator[str]:
    """The web server as `make run` starts it, on a port of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    manage = [sys.executable, "manage.py", "collectstatic", "--noinput", "-v0"]
    subprocess.run(manage, cwd=PROJECT, env=environment, check=True)
    process = subprocess.Popen(web_command("127.0.0.1", port), cwd=PROJECT, env=environment, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def rows(environment: dict[str, str]) -> list[dict[str, Any]]:
    from apps.interactions.demo import demo_partner
    from apps.policies.models import Partner
    from tests import factories

    partner = demo_partner("bench", "Bench")
    Partner.objects.update(blind_percent=0)
    waiting(partner, CASES)
    factories.senior(username="bench", remit={"amount_per_day": 10_000_000})
    found = shutil.which("chromium") or os.environ["REMIT_CHROMIUM"]
    with served(environment) as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        weight = _sign_in(page, address)
        times = _decide_all(page)
        browser.close()
    return [
        at_most("Reach, first load in Chromium, everything", weight / 1000, "kB", 150, digits=1),
        at_most(
            f"next case on screen after ⏎ in Chromium, p95 of {len(times)}", _p95(times, "shown"), "ms", 150, digits=0
        ),
        at_most("next case ready to be decided after ⏎, p95", _p95(times, "ready"), "ms", 300, digits=0),
    ]


def _p95(times: list[dict[str, float]], name: str) -> float:
    return sorted(one[name] for one in times)[int(len(times) * 0.95)]


def waiting(partner: Any, cases: int) -> None:
    from apps.interactions import pipeline, submitting
    from apps.policies import audit
    from tests import factories

    for number in range(cases):
        order = factories.OrderFactory(customer=factories.CustomerFactory(partner=partner), days_ago=40 + number % 300)
        data = {
            "external_id": f"b{number}", "channel": "chat", "customer": order.customer.external_id, "order": order.number,
            "messages": [{"author": "customer", "sent_at": order.placed_at.isoformat(),
                          "text": "I want to return this and get a refund, please send me a return label."}],
            "sender_verified": True,
        }  # fmt: skip
        submitting.submit_interaction(partner, data, actor=audit.system("benchmark"))
    while pipeline.advance():
        pass


def _sign_in(page: Page, address: str) -> float:
    """Signs in, and returns the bytes of a first load of Reach with nothing in the cache."""
    page.goto(f"{address}/sign-in/")
    page.fill("[name=username]", "bench")
    page.fill("[name=password]", "secret")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/sign-in/" not in url)
    state = page.context.storage_state()
    fresh = page.context.browser.new_context(storage_state=state)  # type: ignore[union-attr]
    first = fresh.new_page()
    first.goto(f"{address}/reach/")
    first.wait_for_load_state("networkidle")
    weight = float(first.evaluate(_WEIGHT))
    fresh.close()
    page.goto(f"{address}/reach/")
    return weight


def _decide_all(page: Page) -> list[dict[str, float]]:
    page.keyboard.press("Enter")
    page.wait_for_selector(".ring")
    times = []
    for _ in range(CASES - 10):
        page.wait_for_timeout(600)  # somebody reads
        page.evaluate(_WAIT_FOR_NEXT)
        page.keyboard.press("Enter")
        times.append(page.evaluate("window.seen"))
    return times[3:]
