"""Answers from the partner's own texts: the paragraph of an article, or the clause of the Terms, that fits a question.

PostgreSQL's full-text search finds the candidates and reduces words to their stems. A passage answers only when it
has most of what the question asks about; no passage, no answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.postgres.search import SearchQuery, SearchRank, SearchVector
from django.db import connection

from apps.interactions.models import Passage
from apps.policies.models import Partner, Terms

ENOUGH = 0.6  # of the question's telling words stand in the passage or its title
FEWEST = 2  # telling words, so that one chance word is no answer
CANDIDATES = 8
# Stems that stand in questions about anything.
_STEMS = """
want know would like need help pleas tell question inform get give ask say could make use way thing hello hi dear possibl abl
assist see find look go us order custom thank regard let someth anyth differ
recommend advic advis suggest buy purchas interest product
"""
SAY_NOTHING = frozenset(_STEMS.split())
_CLAUSES = (
    ("return_window_clause", "Return window: how long goods can be sent back"),
    ("non_returnable_clause", "What cannot be returned"),
    ("return_fee_clause", "Return postage fee cost: who pays for a return"),
    ("lost_clause", "Lost parcel: no courier scan"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A passage of the brand's own: where it stands, its words, and the share of the question that it covers."""

    title: str
    text: str
    share: float


def answers_to(partner: Partner, terms: Terms | None, question: str) -> list[Answer]:
    """Passages that answer the question, the best first; empty when none does."""
    (stems,) = stems_of([question])
    asked = stems - SAY_NOTHING
    if len(asked) < FEWEST:
        return []
    found = _articles(partner, asked)
    clauses = [(title, str(getattr(terms, name))) for name, title in _CLAUSES] if terms else []
    candidates = [*found, *((f"Terms {terms.number}", text) for _, text in clauses if terms and text)]
    # A clause is found by its title too, which is not part of what is quoted.
    titles = [*(title for title, _ in found), *(title for title, text in clauses if text)]
    said = stems_of([f"{title} {text}" for title, (_, text) in zip(titles, candidates, strict=True)])
    scored = [
        Answer(title, text, round(len(asked & has) / len(asked), 2))
        for (title, text), has in zip(candidates, said, strict=True)
        if len(asked & has) >= FEWEST
    ]
    fitting = [answer for answer in scored if answer.share >= ENOUGH]
    return sorted(fitting, key=lambda answer: (-answer.share, len(answer.text)))


def _articles(partner: Partner, asked: frozenset[str]) -> list[tuple[str, str]]:
    any_word = any_of(asked)
    vector = SearchVector("text", config="english")
    rows = (
        Passage.objects.filter(article__partner=partner, article__published=True)
        .annotate(words=vector)
        .filter(words=any_word)
        .annotate(rank=SearchRank(vector, any_word))
        .order_by("-rank", "pk")
        .values_list("article__title", "text")[:CANDIDATES]
    )
    return list(rows)


def any_of(stems: frozenset[str]) -> SearchQuery:
    """Finds what has any of the stems."""
    return SearchQuery(" | ".join(f"'{stem}'" for stem in sorted(stems)), config="english", search_type="raw")


def stems_of(texts: Sequence[str]) -> list[frozenset[str]]:
    """The distinct stems of each text, without stop words, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tsvector_to_array(to_tsvector('english', text)) FROM unnest(%s::text[]) WITH ORDINALITY AS t(text, n) "
            "ORDER BY n",
            [list(texts)],
        )
        return [frozenset(stem for stem in row[0] if "'" not in stem and "\\" not in stem) for row in cursor.fetchall()]
