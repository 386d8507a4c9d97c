"""Shop, mailbox and chat in the admin: secrets go in and never come out, and what fails says why."""

import pytest

from apps.interactions import onboarding, vault
from apps.interactions.models import ChatWidget, MailBox, ShopConnection
from apps.policies import staff
from apps.policies.models import AuditEntry, Partner
from tests import factories
from tests.conftest import ACTOR, browser, page

SHOP = "/admin/interactions/shopconnection/"
BOX = "/admin/interactions/mailbox/"
CHAT = "/admin/interactions/chatwidget/"


@pytest.fixture
def operator(partner):
    return browser(factories.UserFactory(role=staff.OPERATOR))


def connect(operator, partner, **changed):
    said = {
        "partner": partner.pk, "kind": "vendure", "url": "https://shop.lumi.example/admin-api", "account": "remit",
        "new_secret": "s3cret of the shop", "new_hook_secret": "", **changed,
    }  # fmt: skip
    return operator.post(f"{SHOP}add/", said)


def open_box(operator, partner, at=f"{BOX}add/", **changed):
    said = {
        "partner": partner.pk, "address": "support@lumi.example", "imap_host": "imap.lumi.example", "imap_port": "993",
        "imap_security": "tls", "imap_user": "support", "imap_folder": "INBOX", "new_imap_password": "pass of imap", "smtp_host": "smtp.lumi.example",
        "smtp_port": "587", "smtp_security": "starttls", "smtp_user": "support", "new_smtp_password": "pass of smtp", **changed,
    }  # fmt: skip
    return operator.post(at, said)


class TestShop:
    def test_its_secret_is_sealed_and_never_shown_or_kept_in_the_trail(self, operator, partner):
        assert connect(operator, partner).status_code == 302
        row = ShopConnection.objects.get()
        assert "s3cret" not in row.secret
        assert vault.open_sealed(row.secret) == "s3cret of the shop"
        assert "s3cret" not in page(operator, f"{SHOP}{row.pk}/change/")
        assert "s3cret" not in str(list(AuditEntry.objects.values_list("details", flat=True)))

    def test_from_then_on_it_is_the_brands_connector_until_it_is_taken_away(self, operator, partner):
        connect(operator, partner)
        assert Partner.objects.get(pk=partner.pk).connector == "shop"
        operator.post(f"{SHOP}{ShopConnection.objects.get().pk}/delete/", {"post": "yes"})
        assert Partner.objects.get(pk=partner.pk).connector == "webhook"

    def test_saved_without_a_secret_it_keeps_the_one_it_has_and_never_for_another_server(self, operator, partner):
        connect(operator, partner)
        row = ShopConnection.objects.get()
        same = {"kind": "vendure", "url": row.url, "account": "remit"}
        assert operator.post(f"{SHOP}{row.pk}/change/", same).status_code == 302
        answer = operator.post(f"{SHOP}{row.pk}/change/", {**same, "url": "https://evil.example/api"})
        assert "Type it again" in answer.content.decode()
        row.refresh_from_db()
        assert (row.url, vault.open_sealed(row.secret)) == ("https://shop.lumi.example/admin-api", "s3cret of the shop")

    @pytest.mark.parametrize(
        ("fields", "told"),
        [
            ({"url": "https://10.0.0.7/api"}, "public internet"),
            ({"new_secret": ""}, "This is needed"),
            ({"url": "ftp://x"}, "valid URL"),
        ],
    )
    def test_what_is_wrong_says_so(self, operator, partner, fields, told):
        assert told in connect(operator, partner, **fields).content.decode()
        assert not ShopConnection.objects.exists()

    def test_a_sandbox_is_not_offered(self, operator, partner):
        twin = onboarding.sandbox(partner, actor=ACTOR).partner
        assert f'value="{twin.pk}"' not in page(operator, f"{SHOP}add/")

    def test_what_fails_says_why(self, operator, partner):
        connect(operator, partner)
        ShopConnection.objects.update(failures=3, error="The shop does not let us in")
        assert "The shop does not let us in" in page(operator, SHOP)


class TestMailbox:
    def test_its_passwords_are_sealed(self, operator, partner):
        assert open_box(operator, partner).status_code == 302
        row = MailBox.objects.get()
        assert (vault.open_sealed(row.imap_password), vault.open_sealed(row.smtp_password)) == (
            "pass of imap",
            "pass of smtp",
        )
        assert "pass of" not in page(operator, f"{BOX}{row.pk}/change/")

    @pytest.mark.parametrize(
        ("field", "other"),
        [("imap_host", "imap.evil.example"), ("smtp_host", "smtp.evil.example"), ("imap_user", "eve")],
    )
    def test_nor_are_they_sent_to_another_server(self, operator, partner, field, other):
        open_box(operator, partner)
        row = MailBox.objects.get()
        kept = {"new_imap_password": "", "new_smtp_password": ""}
        answer = open_box(operator, partner, at=f"{BOX}{row.pk}/change/", **kept, **{field: other})
        assert "Type it again" in answer.content.decode()

    @pytest.mark.parametrize(
        ("fields", "told"),
        [
            ({"address": "support+x@lumi.example"}, "Leave the + out"),
            ({"imap_host": "https://imap"}, "name of a server"),
            ({"new_imap_password": ""}, "This is needed"),
        ],
    )
    def test_what_is_wrong_says_so(self, operator, partner, fields, told):
        assert told in open_box(operator, partner, **fields).content.decode()
        assert not MailBox.objects.exists()


class TestChat:
    def test_it_gives_what_to_put_into_a_page(self, operator, partner):
        operator.post(
            f"{CHAT}add/",
            {
                "partner": partner.pk,
                "enabled": "on",
                "origins": "https://shop.example\nhttps://www.shop.example",
                "greeting": "Hi!",
                "colour": "#0f766e",
            },
        )
        row = ChatWidget.objects.get()
        assert row.origins == ["https://shop.example", "https://www.shop.example"]
        assert f"/chat/{row.reference}/embed.js" in page(operator, f"{CHAT}{row.pk}/change/")

    @pytest.mark.parametrize(
        "origin", ["shop.example", "https://shop.example/path", "https://*", "'none'; script-src *"]
    )
    def test_a_site_is_a_site_and_nothing_else(self, operator, partner, origin):
        answer = operator.post(
            f"{CHAT}add/", {"partner": partner.pk, "origins": origin, "greeting": "Hi!", "colour": "#0f766e"}
        )
        assert "is no site" in answer.content.decode()


@pytest.mark.parametrize("address", [SHOP, BOX, CHAT])
@pytest.mark.parametrize("role", [staff.SUPERVISOR, staff.OPS_MANAGER])
def test_others_connect_nothing(partner, address, role):
    assert browser(factories.UserFactory(role=role)).get(f"{address}add/").status_code in (302, 403)


def test_people_of_a_brand_see_their_own_and_change_nothing(operator, partner):
    connect(operator, partner)
    theirs = factories.UserFactory(role=staff.PARTNER, remit={"all_partners": False})
    theirs.remit.partners.add(partner)
    assert "shop.lumi.example" in page(browser(theirs), SHOP)
    assert browser(theirs).get(f"{SHOP}add/").status_code == 403
    stranger = browser(factories.UserFactory(role=staff.PARTNER, remit={"all_partners": False}))
    assert "shop.lumi.example" not in page(stranger, SHOP)
