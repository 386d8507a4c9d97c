"""A real Chromium on a real server, signed in as a supervisor."""

import os
import shutil
import time
from collections.abc import Iterator

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from apps.interactions import demo, demo_cases, demo_staff, tasks

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    found = (
        os.environ.get("REMIT_CHROMIUM")
        or shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    assert found, (
        "The pages are tested in Chromium: install it (apt install chromium) or set REMIT_CHROMIUM to its path."
    )
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def demo_brands(transactional_db):
    """The demo as `make run` makes it: brands, people and waiting cases."""
    demo_staff.hire()
    for slug, name, customers in (
        ("glow", "Glow & Co", {"mira", "priya", "hana", "nora"}),
        ("oru", "Oru Home", {"jonas", "theo", "luca", "omar"}),
    ):
        demo_cases.send(demo.demo_partner(slug, name), f"{slug}-", timezone.now(), customers)
    while tasks.advance():
        pass


class Problems(list[str]):
    """What the console complained about, and requests that left for a foreign host."""

    def watch(self, page: Page, host: str) -> None:
        page.on("console", lambda message: self.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.append(str(error)))
        page.on(
            "request",
            lambda request: None if request.url.startswith((host, "data:")) else self.append(f"foreign: {request.url}"),
        )


@pytest.fixture
def open_page(chromium, live_server):
    """`open_page("sam", width=360, scheme="dark")`: a signed-in page and its list of problems."""
    contexts: list[BrowserContext] = []

    def open_as(who: str, *, width: int = 1440, height: int = 900, scheme: str = "light") -> tuple[Page, Problems]:
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
        contexts.append(context)
        page, problems = context.new_page(), Problems()
        problems.watch(page, live_server.url)
        page.goto(f"{live_server.url}/sign-in/")
        page.wait_for_selector("[name=username]:focus")  # by itself, but on a busy machine not at once
        page.keyboard.type(who)
        page.keyboard.press("Tab")
        page.wait_for_selector("[name=password]:focus")
        page.keyboard.type(demo_staff.PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "/sign-in/" not in url)
        return page, problems

    yield open_as
    for context in contexts:
        for page in context.pages:
            page.goto("about:blank")  # what the page says when it is left still reaches the server
        context.close()
    time.sleep(0.5)  # and is answered before the tables are emptied
