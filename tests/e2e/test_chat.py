"""A customer types in a shop's page, in a real Chromium: the AI answers, or says when a person will."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import axe_core_python
import pytest
from django.utils import timezone

from apps.interactions import tasks
from apps.interactions.demo import demo_partner
from apps.interactions.models import ChatWidget, Message
from tests.conftest import MISSING
from tests.interactions.test_chat import ASKED

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
AXE = next(Path(axe_core_python.__file__).parent.rglob("axe.min.js")).read_text()


@pytest.fixture
def widget(transactional_db):
    partner = demo_partner("lumi", "Lumi Skin")
    return ChatWidget.objects.create(partner=partner)


@pytest.fixture
def shop_page(live_server, widget):
    """A page of the shop's, on another origin, with the chat in it."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            body = f'<!DOCTYPE html><title>Shop</title><h1>Knives</h1><script src="{live_server.url}/chat/{widget.reference}/embed.js" async></script>'.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *said):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def visitor(chromium):
    contexts = []

    def come(address, **options):
        context = chromium.new_context(**{"viewport": {"width": 420, "height": 800}, **options})
        contexts.append(context)
        page = context.new_page()
        page.problems = []
        page.on(
            "console",
            lambda message: page.problems.append(message.text) if message.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.goto(address)
        if "/chat/" in address:
            page.locator("body[data-ready]").wait_for()
        return page

    yield come
    for context in contexts:
        for page in context.pages:
            page.goto("about:blank")
        context.close()


def work():
    while tasks.advance():
        pass


def write(page, text):
    page.get_by_label("Your message").fill(text)
    page.keyboard.press("Enter")
    page.locator(".yours:not(.waiting)", has_text=text).wait_for()


def test_in_a_shops_page_the_ai_answers_a_question(visitor, shop_page, widget):
    ChatWidget.objects.update(origins=[shop_page])
    page = visitor(shop_page)
    page.get_by_role("button", name="Chat").click()
    chat = page.frame_locator("iframe")
    chat.locator("body[data-ready]").wait_for()
    chat.get_by_label("Your message").fill(ASKED)
    page.keyboard.press("Enter")
    chat.get_by_text("We are reading your message").wait_for()
    work()
    chat.get_by_text("Automatic answer").wait_for()
    page.get_by_role("button", name="Close").click()
    assert page.locator("iframe").is_hidden()
    assert page.problems == []


def test_a_site_that_is_not_the_brands_shows_nothing(visitor, shop_page, widget):
    page = visitor(shop_page)
    page.get_by_role("button", name="Chat").click()
    page.wait_for_timeout(1000)
    assert page.frame_locator("iframe").get_by_label("Your message").count() == 0
    assert any("frame-ancestors" in problem for problem in page.problems)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_person_is_announced_and_the_conversation_is_there_again(visitor, live_server, widget, scheme):
    address = f"{live_server.url}/chat/{widget.reference}/"
    page = visitor(address, color_scheme=scheme)
    write(page, MISSING)
    work()
    page.get_by_text("Thank you for writing. A person on our team").wait_for()  # by day or by night
    page.get_by_text("A person on our team looks at this.", exact=True).wait_for()
    page.evaluate(AXE)
    found = page.evaluate(
        "axe.run().then(found => found.violations.map(one => one.id + ' ' + one.nodes[0].html + one.nodes[0].failureSummary))"
    )
    assert found == []
    page.reload()
    page.locator(".yours", has_text=MISSING).wait_for()
    case = Message.objects.earliest("pk").interaction
    Message.objects.create(interaction=case, author="agent", text="We send you another one.", sent_at=timezone.now())
    page.get_by_text("We send you another one.").wait_for()
    page.get_by_text("Our team", exact=True).wait_for()
    assert page.problems == []


def test_what_a_customer_writes_is_text_and_nothing_else(visitor, live_server, widget):
    page = visitor(f"{live_server.url}/chat/{widget.reference}/")
    write(page, "<img src=x onerror=alert(1)>")
    assert page.locator("#lines img").count() == 0


def test_what_cannot_be_sent_is_given_back(visitor, live_server, widget):
    page = visitor(f"{live_server.url}/chat/{widget.reference}/")
    write(page, "Hello there")
    page.context.set_offline(True)
    page.get_by_label("Your message").fill("A second thing")
    page.keyboard.press("Enter")
    page.get_by_text("It could not be sent").wait_for()
    assert page.get_by_label("Your message").input_value() == "A second thing"
    page.context.set_offline(False)
