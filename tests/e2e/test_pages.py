"""Every page in both themes at every width: readable by axe, nothing cut, no console error, no foreign host."""

import json
from pathlib import Path

import axe_core_python
import pytest
from django.contrib.auth.models import User

from apps.interactions import claiming
from apps.interactions.models import Escalation, Interaction
from apps.policies import editing, partner_releases, releases, replaying
from apps.policies.models import Boundary, Partner, Rule, Ruling
from tests import factories
from tests.deciding import decide

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
AXE = next(Path(axe_core_python.__file__).parent.rglob("axe.min.js")).read_text()
WIDTHS = (360, 720, 768, 1440, 2560)  # 720: of 1440 at a zoom of 200 %


@pytest.fixture
def addresses(demo_brands):
    """Who opens which pages."""
    boundary = Boundary.objects.get()
    draft = releases.draft_from(factories.ops_manager(), boundary)
    rule = Rule.objects.filter(version=draft, action="refund").first()
    case = Escalation.objects.most_urgent().first()
    version = f"/admin/policies/boundaryversion/{draft.pk}/"
    glow = Partner.objects.get(slug="glow")
    author = factories.ops_manager()
    editing.save(author, Rule(version=draft, case_type="complaint", handler="autonomous", action="reply"))
    replaying.run(replaying.ask(author, draft).pk)
    release = partner_releases.propose(
        author, glow, "stage", {"case_type": "complaint", "stage": "live"}, "nine of ten were decided as proposed"
    )
    ruling = Ruling.objects.filter(rule__gt="").first()
    boss = User.objects.get(username="ines")
    decided = Escalation.objects.filter(flagged=False, blind=False).most_urgent().first()
    decide((boss, claiming.claim(boss, decided.pk)))
    return {
        "ines": [
            "/reach/", f"/reach/{case.pk}/", "/signals/", "/audits/", "/flow/", "/insights/", "/handover/?hours=24", "/notices/",
            f"/cases/{case.interaction.reference}/", f"/reach/{case.pk}/alike/", "/reach/?due=over&type=complaint",
        ],
        "olga": [
            "/admin/", "/admin/policies/boundary/", f"/admin/policies/boundary/{boundary.pk}/change/",
            f"/admin/policies/boundaryversion/{draft.pk}/change/", f"/admin/policies/boundaryversion/{draft.pk}/rule/{rule.pk}/",
            "/admin/policies/pause/add/", f"{version}compare/", f"{version}simulate/?ruling={ruling.pk}", f"{version}guardrail/add/",
            "/admin/policies/boundaryversion/import/?starter=standard", f"/admin/policies/partner/{glow.pk}/change/",
            "/admin/interactions/shift/add/", "/admin/learning/caseaudit/", "/admin/learning/breaker/", f"/cases/{decided.interaction.reference}/coach/",
            f"/admin/policies/partnerrelease/{release.pk}/change/", f"/admin/policies/partnerrelease/{glow.pk}/propose/terms/",
        ],
        "admin": [
            "/admin/interactions/interaction/", f"/admin/interactions/interaction/{Interaction.objects.first().pk}/change/",
            "/admin/interactions/apikey/add/", "/admin/policies/auditentry/", "/nothing-here/",
        ],
    }  # fmt: skip


def violations(page):
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [f"{v['id']}: {json.dumps([n['target'] for n in v['nodes']][:3])}" for v in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_whole(addresses, open_page, scheme, live_server):
    wrong = []
    for who, paths in addresses.items():
        page, problems = open_page(who, scheme=scheme)
        for path in paths:
            page.goto(live_server.url + path)
            page.wait_for_load_state("networkidle")
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                if over > 0:
                    wrong.append(f"{path} at {width} px scrolls sideways by {over} px")
            page.set_viewport_size({"width": 1440, "height": 900})
            wrong += [f"{path}: {found}" for found in violations(page)]
        wrong += [f"{who}: {problem}" for problem in problems if "404 (Not Found)" not in problem]
    assert wrong == [], "\n".join(wrong)


def test_the_sign_in_page_is_accessible(demo_brands, chromium, live_server):
    for scheme in ("light", "dark"):
        page = chromium.new_page(color_scheme=scheme)
        page.goto(f"{live_server.url}/sign-in/")
        assert violations(page) == []
        page.close()


def test_an_open_case_is_accessible_while_it_is_decided(demo_brands, open_page):
    for scheme, width in (("light", 1440), ("dark", 360)):
        page, _ = open_page("ines", scheme=scheme, width=width)
        page.click("button:has-text('Take next')")
        page.wait_for_selector(".ring")
        page.click("text=Modify")
        page.click("text=Ask customer")
        page.click("text=All facts")
        assert violations(page) == []
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("r")
        page.wait_for_selector("text=Take the next one")


def test_the_rule_page_reads_as_a_sentence_while_one_edits(demo_brands, open_page, live_server):
    draft = releases.draft_from(factories.ops_manager(), Boundary.objects.get())
    page, problems = open_page("olga")
    page.goto(f"{live_server.url}/admin/policies/boundaryversion/{draft.pk}/rule/add/")
    page.select_option("#id_case_type", "refund_exception")
    page.select_option("#id_handler", "autonomous")
    page.select_option("#id_action", "refund")
    page.fill("#id_ceiling", "100.00")
    page.click("text=Add a condition")
    page.wait_for_selector("[name=fact-0]:focus")
    page.select_option("[name=fact-0]", "order.days_past_window")
    page.wait_for_selector("[name=operator-0]")
    page.select_option("[name=operator-0]", "between")
    page.wait_for_selector("[name=low-0]")
    page.fill("[name=low-0]", "1")
    page.fill("[name=high-0]", "15")
    page.keyboard.press("Tab")
    page.locator("#sentence", has_text="days past the window is 1 day to 15 days").wait_for()
    assert "the AI alone may refund up to 100.00 USD" in page.text_content("#sentence")
    page.click("text=Save")
    page.wait_for_url(f"**/{draft.pk}/change/")
    assert Rule.objects.filter(version=draft, case_type="refund_exception", action="refund").exists()
    assert problems == []


def test_a_version_goes_from_draft_to_active_by_two_people_in_the_browser(demo_brands, open_page, live_server):
    draft = releases.draft_from(factories.ops_manager(), Boundary.objects.get())
    budget = draft.guardrails.get(kind="budget")
    address = f"{live_server.url}/admin/policies/boundaryversion/{draft.pk}/"
    olga, problems = open_page("olga")
    olga.goto(f"{address}guardrail/{budget.pk}/")
    olga.fill("#id_amount", "3000.00")
    olga.click("text=Save")
    olga.wait_for_url("**/change/")
    assert "Changed limit" in olga.text_content(".version-side")
    assert "Replay it first" in olga.text_content(".version-side")
    olga.click("button:text-is('Replay')")
    olga.wait_for_selector("#replay progress")
    replaying.run(draft.replays.get().pk)
    olga.wait_for_selector("#replay .figure")  # the page asks for it by itself
    olga.reload()
    olga.click("text=For all cases, without an end")
    olga.fill("#share", "10")
    olga.click("text=Keep the plan")
    olga.wait_for_selector("text=Planned for 10 % of the cases.")
    olga.click("text=Submit for review")
    olga.wait_for_selector("text=It widens, so somebody who did not work on it has to approve it.")
    assert olga.locator("text=Approve as it is").count() == 0
    piet, _ = open_page("piet")
    piet.goto(f"{address}change/")
    piet.click("text=Approve as it is")
    piet.click("text=Start its shadow")
    piet.wait_for_selector("text=In shadow")
    piet.click("text=Activate for 10 %")
    piet.wait_for_selector("text=Rules 10 % of the cases.")
    piet.goto(f"{address}compare/?with={draft.boundary.versions.get(number=1).pk}")
    assert "3,000.00 USD" in piet.text_content(".changes")
    assert problems == []
