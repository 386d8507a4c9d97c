"""A supervisor's whole journey in Chromium by keys alone: sign in, take, decide, take back, decide again."""

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from apps.interactions import blind, claiming, submitting, tasks
from apps.interactions.models import DecisionRecord, Escalation, Interaction
from apps.learning.models import CaseAudit
from apps.policies import audit
from apps.policies.models import Partner
from tests import factories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def desk(demo_brands, open_page):
    page, problems = open_page("ines")
    page.wait_for_selector("#queue")
    yield page
    assert [problem for problem in problems if "409 (Conflict)" not in problem] == []


def question(page):
    return page.text_content("#case h1")


def test_take_decide_take_back_and_decide_again(desk):
    waiting = Escalation.objects.filter(state="open").count()
    desk.keyboard.press("Enter")
    desk.wait_for_selector(".ring")
    first = question(desk)
    assert "public complaint" in first, "what was said in public comes first"
    desk.keyboard.press("2")
    assert desk.is_checked(".option:nth-of-type(2) input")
    assert "needed" in desk.text_content("#why-needed")
    desk.keyboard.press("1")
    desk.keyboard.press("Enter")
    desk.wait_for_selector(".toast")
    desk.wait_for_function("first => document.querySelector('#case h1').textContent !== first", arg=first)
    assert DecisionRecord.objects.filter(state="decided").count() == 1
    desk.keyboard.press("u")
    desk.wait_for_function("first => document.querySelector('#case h1').textContent === first", arg=first)
    assert DecisionRecord.objects.filter(state="withdrawn").count() == 1
    assert Escalation.objects.filter(state="claimed").count() == 1
    desk.keyboard.press("m")
    assert desk.evaluate("document.activeElement.name") in ("amount", "reply")
    desk.fill("[name=reply]", "I am sorry, Nora. Please write to us directly.")
    desk.focus("[name=reply]")
    desk.keyboard.press("Control+Enter")
    desk.wait_for_function("first => document.querySelector('#case h1').textContent !== first", arg=first)
    desk.wait_for_selector(".ring")  # until then it is the next case, shown ahead
    decision = DecisionRecord.objects.get(state="decided")
    assert (decision.how, decision.reply) == ("modified", "I am sorry, Nora. Please write to us directly.")
    assert Escalation.objects.filter(state="open").count() == waiting - 2


def test_note_question_skip_and_help_by_keys(desk):
    desk.keyboard.press("Enter")
    desk.wait_for_selector(".ring")
    desk.keyboard.press("t")
    desk.keyboard.type("Called twice.")
    desk.keyboard.press("Control+Enter")
    desk.wait_for_selector("text=Called twice.")
    desk.keyboard.press("q")
    desk.keyboard.type("Which photo do you mean? 1 or 2")
    assert desk.is_checked(".option:nth-of-type(1) input"), "digits inside a text choose nothing"
    desk.keyboard.press("Escape")
    assert desk.is_hidden("#ask")
    desk.keyboard.press("?")
    assert desk.is_visible("#keys")
    desk.keyboard.press("Escape")
    assert desk.is_hidden("#keys")
    first = question(desk)
    desk.keyboard.press("n")
    desk.wait_for_function("first => document.querySelector('#case h1').textContent !== first", arg=first)
    assert Escalation.objects.filter(skipped_by__username="ines").count() == 1


def test_a_refusal_is_read_out_and_nothing_typed_is_lost(desk):
    desk.keyboard.press("Enter")
    desk.wait_for_selector(".ring")
    desk.keyboard.press("2")
    desk.fill("[name=rationale]", "my own reason")
    desk.focus(".option:nth-of-type(2) input")
    desk.keyboard.press("Enter")
    alert = desk.wait_for_selector(".message.bad[role=alert]:not([hidden])")
    assert "choose a reason" in alert.text_content()
    assert desk.input_value("[name=rationale]") == "my own reason"


def test_a_refused_drawer_stays_open_with_the_words_and_the_focus(desk):
    desk.keyboard.press("Enter")
    desk.wait_for_selector(".ring")
    desk.keyboard.press("d")
    desk.keyboard.press("Control+Enter")
    desk.wait_for_selector("text=Say why this needs no answer")
    desk.keyboard.type("spam")
    assert desk.input_value("#dismiss [name=note]") == "spam", "words, not commands"
    desk.keyboard.press("Control+Enter")
    desk.wait_for_selector("#case h1")
    desk.wait_for_function("() => !document.querySelector('.message.bad[role=alert]:not([hidden])')")
    assert Escalation.objects.filter(state="cancelled").count() == 1


def test_closing_the_editor_brings_the_proposal_back(desk):
    desk.keyboard.press("Enter")
    desk.wait_for_selector(".ring")
    desk.keyboard.press("m")
    desk.keyboard.press("Escape")
    assert desk.is_visible(".reply[data-option='0']")
    assert desk.input_value("#decide [name=edited]") == ""


def test_single_keys_can_be_switched_off(desk):
    desk.keyboard.press("?")
    desk.check("#keys-off")
    desk.keyboard.press("Escape")
    desk.keyboard.press("Enter")
    desk.wait_for_timeout(300)
    assert not desk.is_visible(".ring")


def test_a_case_opened_from_the_list_is_read_then_taken(desk):
    for row in (2, 1):
        link = desk.locator(f".queue-row >> nth={row}")
        wanted = link.locator("strong").text_content()
        link.click()
        desk.locator("#case h1", has_text=wanted).wait_for()
    desk.keyboard.press("Enter")
    desk.wait_for_selector(".ring")
    assert question(desk) == wanted
    desk.wait_for_selector(".queue-row[aria-current]:has-text('yours')")


def test_it_works_by_touch(demo_brands, open_page):
    page, problems = open_page("ines", width=360, height=740, scheme="dark")
    page.click("button:has-text('Take next')")
    page.wait_for_selector(".ring")
    first = question(page)
    page.click("text=Approve and next")
    page.wait_for_function("first => document.querySelector('#case h1').textContent !== first", arg=first)
    page.click(".toast button")
    page.wait_for_function("first => document.querySelector('#case h1').textContent === first", arg=first)
    assert problems == []


def test_a_key_held_down_decides_one_case(desk):
    desk.keyboard.press("Enter")
    desk.wait_for_selector(".ring")
    desk.keyboard.down("Enter")
    for _ in range(20):
        desk.keyboard.down("Enter")  # the browser repeats a held key
        desk.wait_for_timeout(50)
    desk.keyboard.up("Enter")
    desk.wait_for_timeout(500)
    assert DecisionRecord.objects.filter(decided_by__isnull=False).count() == 1


def test_one_box_finds_cases_and_runs_commands(desk, live_server):
    order = desk.text_content(".queue-row strong")
    case = Escalation.objects.exclude(interaction__order=None).exclude(flagged=True).first()
    desk.keyboard.press("/")
    desk.wait_for_selector("#find-text:focus")
    desk.keyboard.type(case.interaction.order.number)
    desk.wait_for_selector("#find-cases .find-row")
    desk.keyboard.press("Enter")
    desk.wait_for_url(f"**/reach/{case.pk}/")
    assert question(desk) == case.headline
    desk.keyboard.press("Control+k")
    desk.keyboard.type("take this")
    desk.wait_for_selector("#find-acts [aria-selected=true]:has-text('Take this case')")
    desk.keyboard.press("Enter")
    desk.wait_for_selector(".ring")
    assert order


def test_a_colleague_is_chosen_by_keys(desk):
    desk.keyboard.press("Enter")
    desk.wait_for_selector(".ring")
    desk.keyboard.press("n")  # the public one is for seniors alone, and there is one
    desk.wait_for_function("() => !document.querySelector('#case h1').textContent.includes('public complaint')")
    desk.keyboard.press("h")
    desk.wait_for_selector("#hand select")
    desk.focus("#hand select")
    desk.keyboard.press("ArrowDown")
    desk.focus("#hand textarea")
    desk.keyboard.type("you know her")
    first = question(desk)
    desk.keyboard.press("Control+Enter")
    desk.wait_for_function("first => document.querySelector('#case h1').textContent !== first", arg=first)
    assert Escalation.objects.filter(handed_to__isnull=False, state="open").count() == 1


def test_leaving_the_page_lets_the_case_go_soon(desk, live_server):
    desk.keyboard.press("Enter")
    desk.wait_for_selector(".ring")
    before = Escalation.objects.get(state="claimed").lease_until
    desk.goto(f"{live_server.url}/signals/")
    desk.wait_for_timeout(500)
    assert Escalation.objects.get(state="claimed").lease_until < before


def test_the_next_case_stands_there_at_once_and_a_server_that_is_gone_loses_nothing(demo_brands, open_page):
    page, _ = open_page("sam")  # the console complains about the server, as it should
    page.wait_for_selector("#queue")
    with page.expect_response("**/reach/peek/**"):
        page.keyboard.press("Enter")
        page.wait_for_selector(".ring")
    page.wait_for_timeout(200)
    first = question(page)
    page.fill("[name=rationale]", "a reason that I typed")
    page.context.set_offline(True)
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#offline:not([hidden])")
    assert question(page) == first
    assert page.input_value("[name=rationale]") == "a reason that I typed"
    page.context.set_offline(False)
    held_up = []
    page.route("**/decide/", lambda route: held_up.append(route))
    page.keyboard.press("Control+Enter")
    page.wait_for_function("first => document.querySelector('#case h1').textContent !== first", arg=first)
    assert len(held_up) == 1, "the server has not even been asked"
    assert not DecisionRecord.objects.filter(decided_by__isnull=False).exists()
    held_up[0].continue_()
    page.wait_for_selector(".ring")
    assert DecisionRecord.objects.filter(decided_by__isnull=False).count() == 1
    assert question(page) == Escalation.objects.get(state="claimed", decisions=None).headline


def test_nobody_decides_with_the_same_stroke_a_case_that_came_instead_of_the_one_shown_ahead(demo_brands, open_page):
    page, _ = open_page("sam")
    page.wait_for_selector("#queue")
    with page.expect_response("**/reach/peek/**"):
        page.keyboard.press("Enter")
        page.wait_for_selector(".ring")
    page.wait_for_timeout(200)
    sam, ines = (User.objects.get(username=name) for name in ("sam", "ines"))
    taken = claiming.claim(ines, claiming.next_for(sam).first().pk)
    page.keyboard.press("Enter")
    page.wait_for_selector(".ring")
    assert question(page) != taken.headline
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert DecisionRecord.objects.filter(decided_by=sam).count() == 1
    page.wait_for_timeout(700)
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('.toast')")
    page.wait_for_selector(".ring")
    assert DecisionRecord.objects.filter(decided_by=sam).count() == 2


def test_an_amount_that_was_typed_is_kept_through_a_refusal_and_taking_back(demo_brands, open_page, live_server):
    page, _ = open_page("sam")
    refund = Escalation.objects.get(headline__startswith="Refund 84.50")
    page.goto(f"{live_server.url}/reach/{refund.pk}/")
    page.wait_for_selector("#queue")
    page.keyboard.press("Enter")
    page.wait_for_selector(".ring")
    page.keyboard.press("m")
    page.fill("[name=amount]", "20.00")
    page.focus("[name=reply]")
    page.evaluate("document.querySelector('[name=reply]').value += ' '")  # edited, and still says 84.50
    page.keyboard.type("Thank you.")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("text=The reply still says")
    assert page.input_value("[name=amount]") == "20.00"
    page.fill("[name=reply]", "Hi Mira, we have refunded 20.00 USD.")
    page.focus("[name=reply]")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".toast")
    assert str(DecisionRecord.objects.get(state="decided").amount) == "20.00"
    page.keyboard.press("u")
    page.wait_for_selector("#editor:not([hidden])")
    assert page.input_value("[name=amount]") == "20.00"


def test_a_server_that_fails_brings_the_decided_case_back(demo_brands, open_page):
    page, _ = open_page("sam")
    page.wait_for_selector("#queue")
    with page.expect_response("**/reach/peek/**"):
        page.keyboard.press("Enter")
        page.wait_for_selector(".ring")
    page.wait_for_timeout(200)
    first = question(page)
    page.fill("[name=rationale]", "my words")
    page.route("**/decide/", lambda route: route.fulfill(status=500, body="no"))
    page.keyboard.press("Control+Enter")
    page.wait_for_timeout(500)
    assert question(page) == first
    assert page.input_value("[name=rationale]") == "my words"


def test_at_the_audit_desk_the_reply_stays_while_it_is_judged(demo_brands, open_page, monkeypatch):
    monkeypatch.setattr(blind, "drawn", lambda percent: percent >= 50)
    Partner.objects.update(audit_percent=100)
    order = factories.OrderFactory(customer=factories.CustomerFactory(partner=Partner.objects.get(slug="glow")))
    said = {"author": "customer", "text": "Where is my order?", "sent_at": timezone.now().isoformat()}
    sent = {"external_id": "audited", "channel": "chat", "customer": order.customer.external_id, "order": order.number,
            "sender_verified": True, "messages": [said]}  # fmt: skip
    submitting.submit_interaction(order.partner, sent, actor=audit.system("test"))
    while tasks.advance():
        pass
    assert CaseAudit.objects.exists(), Interaction.objects.get(external_id="audited").handler
    page, _ = open_page("sam")
    page.goto(page.url.split("/reach/")[0] + "/audits/")
    page.click("button:has-text('Take the first')")
    page.click(".option")
    page.click("button:has-text('Judge')")
    page.wait_for_selector(".option:has([name=verdict])")
    assert page.is_visible(".reply")
    page.click(".option:has([value=wrong])")
    assert page.is_visible(".reply"), "whoever judges it has to see it"
    page.click("label:has([name=wrong_part][value=type])")
    assert page.is_visible("[name=asked_for]")
