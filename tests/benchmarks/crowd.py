"""Sixteen browsers at once for three minutes: nobody decides what another decides, no edit is lost, nothing fails."""

import random
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from playwright.sync_api import sync_playwright

from tests.benchmarks.browser import served, waiting
from tests.benchmarks.row import at_least, at_most

BROWSERS, SECONDS, CASES = 16, 180, 1500


def rows(environment: dict[str, str]) -> list[dict[str, Any]]:
    from apps.interactions.demo import demo_partner
    from apps.interactions.models import DecisionRecord
    from apps.policies.models import Partner
    from tests import factories

    partner = demo_partner("bench", "Bench")
    Partner.objects.update(blind_percent=0, undo_seconds=3600)
    waiting(partner, CASES)
    names = [factories.senior(remit={"amount_per_day": 10_000_000}).username for _ in range(BROWSERS)]
    with served(environment) as address, ThreadPoolExecutor(BROWSERS) as pool:
        people = list(pool.map(lambda name: _Person(name, address).work(), names))
    seconds = sorted(second for person in people for second in person.seconds)
    decided = DecisionRecord.objects.filter(decided_by__isnull=False)
    doubles = decided.count() - decided.values("interaction").distinct().count()
    edits = {text for person in people for text in person.edits}
    lost = edits - set(decided.filter(how="modified").values_list("reply", flat=True))
    errors = [error for person in people for error in person.errors]
    for error in errors[:5]:
        print("error:", error[:300])
    return [
        at_least(f"{BROWSERS} browsers for {SECONDS} s: decisions, of which {len(edits)} with an edited reply",
                 decided.count(), "cases", 200),
        at_most("… cases decided twice", doubles, "cases", 0),
        at_most("… edits lost", len(lost), "replies", 0),
        at_most("… errors in any console or answer", len(errors), "errors", 0),
        at_most(f"… p95 of {len(seconds)} requests as the browser waits for them", seconds[int(len(seconds) * 0.95)] * 1000,
                "ms", 200, digits=0),
    ]  # fmt: skip


class _Person:
    """Somebody at a browser of their own: takes, sometimes edits, sometimes skips, decides, and reads for a moment."""

    def __init__(self, name: str, address: str) -> None:
        self.name, self.address = name, address
        self.errors: list[str] = []
        self.edits: list[str] = []
        self.seconds: list[float] = []
        self.random = random.Random(name)

    def work(self) -> "_Person":
        found = shutil.which("chromium")
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.on("pageerror", lambda error: self.errors.append(str(error)))
            page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
            page.on("requestfinished", self._timed)
            page.goto(f"{self.address}/sign-in/")
            page.fill("[name=username]", self.name)
            page.fill("[name=password]", "secret")
            page.keyboard.press("Enter")
            page.wait_for_url(lambda url: "/sign-in/" not in url)
            page.wait_for_selector("#queue")
            page.keyboard.press("Enter")
            page.wait_for_selector(".ring")
            ends = time.monotonic() + SECONDS
            while time.monotonic() < ends:
                self._one(page)
            page.goto("about:blank")
            browser.close()
        return self

    def _one(self, page: Any) -> None:
        page.wait_for_timeout(self.random.uniform(1000, 4000))
        first = page.text_content("#case h1")
        chance = self.random.random()
        if chance < 0.1:
            page.keyboard.press("n")
        elif chance < 0.4:
            page.keyboard.press("m")
            text = f"Dear customer, {self.name} looked into it: {len(self.edits)}. We have refunded what you paid."
            page.fill("[name=reply]", text)
            page.focus("[name=reply]")
            page.keyboard.press("Control+Enter")
            self.edits.append(text)
        else:
            page.keyboard.press("Enter")
        page.wait_for_function("first => document.querySelector('#case h1').textContent !== first", arg=first)
        page.wait_for_selector(".ring")

    def _timed(self, request: Any) -> None:
        if "/reach/" in request.url and request.timing["responseEnd"] > 0:
            self.seconds.append(request.timing["responseEnd"] / 1000)
