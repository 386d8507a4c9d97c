from rest_framework.pagination import CursorPagination


class NewestFirst(CursorPagination):
    """Newest first, by the order of arrival: stable while new rows come in."""

    ordering = "-id"
    page_size = 50
    max_page_size = 200
    page_size_query_param = "limit"
