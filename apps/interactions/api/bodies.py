"""Bodies of the API: JSON, read strictly and fast."""

import json
from collections import Counter
from typing import Any

import orjson
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

DEEPEST = 20  # levels of lists and objects; what we take has five


class Json(BaseParser):
    """No NaN, no numbers beyond 64 bits, no lone surrogates, nothing nested deeper than `DEEPEST`, no name
    twice in one object."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            body = stream.read()
            data = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ParseError(f"The body is no JSON that can be read: {error}.") from error
        if _is_deeper(data, DEEPEST):
            raise ParseError(f"The body is nested deeper than {DEEPEST} levels.")
        json.loads(body, object_pairs_hook=_each_once)
        return data


def _each_once(pairs: list[tuple[str, Any]]) -> None:
    """Which of two a reader takes is anybody's guess, so that two systems may read two things."""
    if len({name for name, _ in pairs}) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ParseError(f"“{twice[:100]}” stands twice in one object.")


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
