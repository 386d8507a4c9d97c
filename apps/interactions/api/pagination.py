from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

from apps.policies.errors import Invalid


class NewestFirst(CursorPagination):
    """Newest first, by the order of arrival: stable while new rows come in. Raises Invalid for a page that there is not."""

    ordering = "-id"
    page_size = 50
    max_page_size = 200
    page_size_query_param = "limit"

    def get_page_size(self, request: Request) -> int:
        given = request.query_params.get("limit")
        if given is None:
            return self.page_size
        if not (given.isascii() and given.isdigit() and len(given) < 4 and 1 <= int(given) <= self.max_page_size):
            raise Invalid({"limit": [f"Send a number from 1 to {self.max_page_size}."]})
        return int(given)

    def decode_cursor(self, request: Request) -> Any:
        wrong = Invalid({"cursor": ["Follow “next” or “previous” of an answer, as it is."]})
        try:
            found = super().decode_cursor(request)
        except NotFound:
            raise wrong from None
        position = None if found is None or found.position is None else str(found.position)
        if position is not None and not (position.isascii() and position.isdigit() and len(position) <= 18):
            raise wrong
        return found
