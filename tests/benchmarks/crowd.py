"""Sixteen browsers at once for three minutes: nobody decides what another decides, no edit is lost, nothing fails.

They are contexts of one Chromium, each signed in as another person: sixteen whole Chromiums would leave nothing of a small
machine to the server. Somebody reads for `READS` seconds, where a person takes up to 90.
"""

import asyncio
import random
import re
import shutil
import tempfile
import time
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, Page, Request, TimeoutError, async_playwright

from tests.benchmarks.browser import served, waiting
from tests.benchmarks.row import at_least, at_most

BROWSERS, SECONDS, CASES = 16, 180, 700
READS = (4.0, 12.0)


def rows(environment: dict[str, str]) -> list[dict[str, Any]]:
    from apps.interactions.demo import demo_partner
    from apps.interactions.models import DecisionRecord
    from apps.policies.models import Partner
    from tests import factories

    partner = demo_partner("bench", "Bench")
    Partner.objects.update(blind_percent=0, undo_seconds=3600)
    waiting(partner, CASES)
    names = [factories.senior(remit={"amount_per_day": 10_000_000}).username for _ in range(BROWSERS)]
    with served(environment) as address:
        people = asyncio.run(_all(names, address))
    kinds: dict[str, list[float]] = {}
    for kind, second in (one for person in people for one in person.seconds):
        kinds.setdefault(kind, []).append(second)
    for kind, took in sorted(kinds.items()):
        print(f"  {kind}: {len(took)} requests, p95 {_p95(took):.0f} ms")
    seconds = [second for took in kinds.values() for second in took]
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
        at_most(f"… p95 of {len(seconds)} requests as the browser waits for them", _p95(seconds), "ms", 200, digits=0),
    ]  # fmt: skip


def _p95(seconds: list[float]) -> float:
    """In milliseconds."""
    return sorted(seconds)[int(len(seconds) * 0.95)] * 1000


async def _all(names: list[str], address: str) -> list["_Person"]:
    people = [_Person(name, address) for name in names]
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        everybody = asyncio.Barrier(len(people))
        await asyncio.gather(*(person.work(browser, everybody) for person in people))
        await browser.close()
    return people


class _Person:
    """Somebody at a browser of their own: takes, sometimes edits, sometimes skips, decides, and reads in between."""

    def __init__(self, name: str, address: str) -> None:
        self.name, self.address = name, address
        self.errors: list[str] = []
        self.edits: list[str] = []
        self.seconds: list[tuple[str, float]] = []
        self.random = random.Random(name)

    async def work(self, browser: Browser, everybody: asyncio.Barrier) -> None:
        context = await browser.new_context(viewport={"width": 1440, "height": 900})
        page = await context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        await page.goto(f"{self.address}/sign-in/")
        await page.fill("[name=username]", self.name)
        await page.fill("[name=password]", "secret")
        await page.keyboard.press("Enter")
        await page.wait_for_url(lambda url: "/sign-in/" not in url)
        await self._begin(page)
        await everybody.wait()  # three minutes at work, without the rush of signing in
        await page.wait_for_timeout(1000 * self.random.uniform(2, 2 + READS[1]))
        page.on("requestfinished", self._timed)
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends:
            await self._one(page)
        await page.goto("about:blank")
        await context.close()

    async def _begin(self, page: Page) -> None:
        await page.wait_for_selector("#queue")
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".ring")

    async def _one(self, page: Page) -> None:
        await page.wait_for_timeout(1000 * self.random.uniform(*READS))
        first = await page.text_content("#case h1")
        chance = self.random.random()
        if chance < 0.1:
            await page.keyboard.press("n")
        elif chance < 0.4:
            await page.keyboard.press("m")
            text = f"Dear customer, {self.name} looked into it: {len(self.edits)}. We have refunded what you paid."
            await page.fill("[name=reply]", text)
            await page.focus("[name=reply]")
            await page.keyboard.press("Control+Enter")
            self.edits.append(text)
        else:
            await page.keyboard.press("Enter")
        try:
            await page.wait_for_function("first => document.querySelector('#case h1').textContent !== first", arg=first)
            await page.wait_for_selector(".ring")
        except TimeoutError:  # of Playwright: nothing came of the act
            await page.screenshot(path=f"{tempfile.gettempdir()}/stuck-{self.name}.png")
            self.errors.append(f"{self.name} is stuck: {(await page.inner_text('#case'))[:200]}")
            await page.goto(f"{self.address}/reach/")
            await self._begin(page)

    def _timed(self, request: Request) -> None:
        if "/reach/" in request.url and request.timing["responseEnd"] > 0:
            kind = re.sub(r"/\d+/", "/…/", urlsplit(request.url).path)
            self.seconds.append((kind, request.timing["responseEnd"] / 1000))
