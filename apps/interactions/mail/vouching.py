"""Whether a sender is who they say: from the one header that the brand's own server writes on top (RFC 8601), and only where
DMARC passed for that very domain, as the one result of its kind."""

import re
from collections.abc import Sequence

LONGEST = 8_000  # characters


def is_vouched(headers: Sequence[object] | None, sender: str, server: str) -> bool:
    """`headers` are the values of `Authentication-Results`, the topmost first; `server` how the brand's own names itself."""
    if not headers or not server or not sender:
        return False
    plain = _without_what_strangers_choose(" ".join(str(headers[0])[:LONGEST].split()))
    if plain is None:
        return False
    named, *results = [part.strip().lower() for part in plain.split(";")]
    said = [result.split() for result in results if result.startswith("dmarc=")]
    domain = sender.rpartition("@")[2].lower()
    by_ours = named.split(" ")[0] == server.lower()
    return by_ours and len(said) == 1 and said[0][0] == "dmarc=pass" and f"header.from={domain}" in said[0]


def _without_what_strangers_choose(value: str) -> str | None:
    """Without quoted strings and comments, in which a sender can write what they like; None where they do not end."""
    plain, before = re.sub(r'"(?:\\.|[^"\\])*"', "", value), ""
    while plain != before:
        before, plain = plain, re.sub(r"\([^()]*\)", "", plain)
    return None if set('"()\\') & set(plain) else plain
