"""Bodies of the API: JSON, read strictly and fast."""

from typing import Any

import orjson
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

DEEPEST = 20  # levels of lists and objects; what we take has five


class Json(BaseParser):
    """No NaN, no numbers beyond 64 bits, no lone surrogates, nothing nested deeper than `DEEPEST`."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            data = orjson.loads(stream.read())
        except orjson.JSONDecodeError as error:
            raise ParseError(f"The body is no JSON that can be read: {error}.") from error
        if _is_deeper(data, DEEPEST):
            raise ParseError(f"The body is nested deeper than {DEEPEST} levels.")
        return data


def _is_deeper(data: Any, levels: int) -> bool:
    layer = [data]
    for _ in range(levels):
        inner = []
        for one in layer:
            if isinstance(one, dict):
                inner += [value for value in one.values() if isinstance(value, dict | list)]
            elif isinstance(one, list):
                inner += [value for value in one if isinstance(value, dict | list)]
        if not inner:
            return False
        layer = inner
    return True
