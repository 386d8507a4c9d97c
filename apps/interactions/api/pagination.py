from urllib.parse import urlsplit

from django.core import signing
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

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

    def encode_cursor(self, cursor: Cursor) -> str:
        assert self.base_url is not None
        said = [int(cursor.offset), bool(cursor.reverse), cursor.position]
        return replace_query_param(self.base_url, self.cursor_query_param, _signer(self.base_url).sign_object(said))

    def decode_cursor(self, request: Request) -> Cursor | None:
        given = request.query_params.get(self.cursor_query_param)
        if given is None:
            return None
        try:
            return Cursor(*_signer(request.build_absolute_uri()).unsign_object(given))
        except signing.BadSignature:
            raise Invalid({"cursor": ["Follow “next” or “previous” of an answer, as it is."]}) from None


def _signer(address: str) -> signing.Signer:
    """A cursor is of one list: another one's would begin in the middle of nowhere."""
    return signing.Signer(salt=f"cursor {urlsplit(address).path}")
