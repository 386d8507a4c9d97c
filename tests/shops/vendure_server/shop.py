"""A real Vendure shop for the tests: started beside them as a process of its own, on a database of its own.

    with running("/tmp/postgres-socket", "shop", "shop_test") as shop:
        code = shop.place_order("ada@example.com", "Ada", "Byron", {"PAN-L": 1})
        shop.ship(code)
        shop.deliver(code)

Money is in whole US cents. The shop is GPL software: the tests talk to it, nothing of ours imports or ships it.
"""

import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from tests.shops.vendure_server import checkout, seeding
from tests.shops.vendure_server.graphql import FAILED, Door, ShopError
from tests.shops.vendure_server.order import ADDRESS, ORDER
from tests.shops.vendure_server.packages import install, node

__all__ = ["Shop", "ShopError", "install", "running"]

SERVER = Path(__file__).with_name("server.mjs")
START_SECONDS = 60
STOP_SECONDS = 10
USERNAME, PASSWORD = "superadmin", "superadmin-of-the-tests"


class Shop:
    """One shop and its server; ready to sell once `start` has returned."""

    def __init__(self, folder: Path, packages: Path, host: str, user: str, name: str, port: int = 5432) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.admin_url = f"{self.url}/admin-api"
        self.shop_url = f"{self.url}/shop-api"
        self.username, self.password = USERNAME, PASSWORD
        self.admin = Door(self.admin_url)
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = os.environ | {
            "VENDURE_PACKAGES": str(packages),
            "VENDURE_PORT": str(self.port),
            "VENDURE_GATEWAY": str(folder),
            "VENDURE_DB_HOST": host,
            "VENDURE_DB_PORT": str(port),
            "VENDURE_DB_USER": user,
            "VENDURE_DB_NAME": name,
            "VENDURE_USERNAME": USERNAME,
            "VENDURE_PASSWORD": PASSWORD,
        }
        self.refunds_behave()

    @property
    def token(self) -> str:
        """The superadmin's, for the header `Authorization: Bearer …` of the Admin API."""
        return self.admin.token

    def api_key(self, *permissions: str) -> str:
        """A long-lived key for the header `vendure-api-key`, of a new role with these permissions, e.g. ReadOrder."""
        role = self.admin.do(
            "mutation ($in: CreateRoleInput!) { createRole(input: $in) { id } }",
            **{"in": {"code": f"role-{uuid4()}", "description": "Of a test", "permissions": list(permissions)}},
        )["id"]
        created = self.admin.do(
            "mutation ($in: CreateApiKeyInput!) { createApiKey(input: $in) { apiKey } }",
            **{"in": {"roleIds": [role], "translations": [{"languageCode": "en", "name": "Of a test"}]}},
        )
        return str(created["apiKey"])

    # The server

    def start(self) -> None:
        """Boots the server, signs in and, the first time, seeds. Also brings a killed shop back at the same address."""
        assert self._process is None, "the shop runs already"
        with (self.folder / "errors.log").open("ab") as errors:
            self._process = subprocess.Popen(
                [*node(), str(SERVER)],
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=errors,
                stderr=errors,
                start_new_session=True,  # so that Ctrl-C reaches the tests, and only through them the shop
            )
        try:
            self._wait_until_healthy(self._process)
            self._sign_in()
            if not seeding.is_seeded(self.admin):
                seeding.seed(self.admin)
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """Ends the server without a chance to finish anything, as a power cut would."""
        if self._process:
            self._process.kill()
            self._reap(self._process)

    def stop(self) -> None:
        """Ends the server by closing its standard input; kills it when that does not help."""
        if not self._process:
            return
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reap(self._process)

    def errors(self) -> str:
        """What the server wrote to its log: errors only."""
        return (self.folder / "errors.log").read_text(errors="replace")

    def _reap(self, process: subprocess.Popen[bytes]) -> None:
        process.wait(STOP_SECONDS)
        if process.stdin:
            process.stdin.close()
        self._process = None
        self.admin.close()
        self.admin = Door(self.admin_url)

    def _wait_until_healthy(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise ShopError(f"The shop ended with code {process.returncode} at its start:\n{self.errors()[-4000:]}")
            try:
                if httpx.get(f"{self.url}/health", timeout=5, trust_env=False).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise ShopError(f"The shop was not healthy within {START_SECONDS} s:\n{self.errors()[-4000:]}")

    def _sign_in(self) -> None:
        self.admin.do(
            f"""mutation ($username: String!, $password: String!) {{
                  login(username: $username, password: $password) {{ ... on CurrentUser {{ id }} {FAILED} }} }}""",
            username=self.username,
            password=self.password,
        )

    # The payment provider behind settling-payment

    def refunds_behave(self, outcome: str = "settle", delay_ms: int = 0) -> None:
        """From now on: `settle` after the delay, or `fail` (the provider declines) or `throw` (it does not answer)."""
        assert outcome in ("settle", "fail", "throw"), outcome
        new = self.folder / "behaviour.new"
        new.write_text(json.dumps({"outcome": outcome, "delay_ms": delay_ms}))
        new.replace(self.folder / "behaviour.json")

    def delay_refunds(self, delay_ms: int) -> None:
        """From now on a refund moves the money at once, but the shop learns of it only after the delay."""
        self.refunds_behave("settle", delay_ms)

    def money_refunded(self) -> list[dict[str, Any]]:
        """The provider's own book, which survives the shop: order, payment, amount, reason, transactionId of each."""
        journal = self.folder / "refunds.jsonl"
        return [json.loads(line) for line in journal.read_text().splitlines()] if journal.exists() else []

    # Orders

    def place_order(
        self, email: str, first: str, last: str, items: dict[str, int], payment: str = "settling-payment"
    ) -> str:
        """The code of a new order in state PaymentSettled, bought by a guest; items are quantities by SKU."""
        return checkout.buy(
            self.shop_url,
            {self._variant(sku): quantity for sku, quantity in items.items()},
            {"emailAddress": email, "firstName": first, "lastName": last},
            payment,
        )

    def ship(self, code: str, tracking: str = "1Z999AA10123456784") -> str:
        """Hands the whole order to the carrier; answers the fulfillment's id."""
        order = self.order(code)
        created = self.admin.do(
            f"""mutation ($in: FulfillOrderInput!) {{
                  addFulfillmentToOrder(input: $in) {{ ... on Fulfillment {{ id }} {FAILED} }} }}""",
            **{
                "in": {
                    "lines": [{"orderLineId": line["id"], "quantity": line["quantity"]} for line in order["lines"]],
                    "handler": {
                        "code": "manual-fulfillment",
                        "arguments": [{"name": "method", "value": "UPS"}, {"name": "trackingCode", "value": tracking}],
                    },
                }
            },
        )
        self._move_fulfillment(created["id"], "Shipped")
        return str(created["id"])

    def deliver(self, code: str) -> None:
        """Marks as delivered whatever of the order is on its way."""
        for fulfillment in self.order(code)["fulfillments"]:
            if fulfillment["state"] == "Shipped":
                self._move_fulfillment(fulfillment["id"], "Delivered")

    def order(self, code: str) -> dict[str, Any]:
        """All that the Admin API tells: see ORDER for the fields. Raises ShopError when there is none."""
        found = self.admin.do(
            f"query ($code: String!) {{ orders(options: {{filter: {{code: {{eq: $code}}}}}}) "
            f"{{ items {{ {ORDER} }} }} }} {ADDRESS}",
            code=code,
        )["items"]
        if not found:
            raise ShopError(f"The shop has no order {code}")
        return dict(found[0])

    def refunds(self, code: str) -> list[dict[str, Any]]:
        """The refunds that the shop knows of, over all payments of the order."""
        return [refund for payment in self.order(code)["payments"] for refund in payment["refunds"]]

    def _variant(self, sku: str) -> str:
        query = "query ($sku: String!) { productVariants(options: {filter: {sku: {eq: $sku}}}) { items { id } } }"
        (variant,) = self.admin.do(query, sku=sku)["items"]
        return str(variant["id"])

    def _move_fulfillment(self, fulfillment: str, state: str) -> None:
        self.admin.do(
            f"""mutation ($id: ID!, $state: String!) {{ transitionFulfillmentToState(id: $id, state: $state) {{
                  ... on Fulfillment {{ id }} {FAILED} }} }}""",
            id=fulfillment,
            state=state,
        )


@contextmanager
def running(
    database_host: str,
    database_user: str,
    database_name: str,
    *,
    database_port: int = 5432,
    packages: Path | None = None,
) -> Iterator[Shop]:
    """A shop on an empty database that exists already, for as long as the block lasts.

    The host is a socket folder or an address. The first use on a machine installs the packages, which is slow.
    """
    installed = install(packages)
    with tempfile.TemporaryDirectory(prefix="remit-shop-") as folder:
        shop = Shop(Path(folder), installed, database_host, database_user, database_name, database_port)
        try:
            shop.start()
            yield shop
        finally:
            shop.stop()
            shop.admin.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
