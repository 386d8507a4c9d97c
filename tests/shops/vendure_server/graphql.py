"""The two GraphQL doors of a Vendure shop, as a test walks through them."""

from typing import Any

import httpx

CALL_SECONDS = 30
FAILED = "... on ErrorResult { errorCode message }"  # the other half of every union that a mutation answers with


class ShopError(Exception):
    """The shop answered with an error, either GraphQL's own or one of Vendure's error results."""


class Door:
    """The Admin API or the Shop API; keeps the session token that the shop hands out."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url
        self.token = token
        self._client = httpx.Client(timeout=CALL_SECONDS, trust_env=False)

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The `data` of the answer. Raises ShopError for an error, and httpx's errors when nothing answers."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        response = self._client.post(self.url, json={"query": query, "variables": variables}, headers=headers)
        self.token = response.headers.get("vendure-auth-token") or self.token
        answer = response.json()
        if errors := answer.get("errors"):
            raise ShopError("; ".join(error["message"] for error in errors))
        return dict(answer["data"])

    def do(self, query: str, **variables: Any) -> dict[str, Any]:
        """The value of the one field that was asked for. Raises ShopError for an error result too."""
        (value,) = self.ask(query, **variables).values()
        if value.get("errorCode"):
            raise ShopError(f"{value['errorCode']}: {value}")
        return dict(value)

    def close(self) -> None:
        self._client.close()
