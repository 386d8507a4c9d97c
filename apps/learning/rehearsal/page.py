"""The page of a rehearsal: curves of what the AI did alone and how often it was wrong, week by week."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from django.template.loader import render_to_string

from apps.learning.rehearsal.operation import Result

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 260, 44, 28, 12
MOST_CURVES = 40


@dataclass(frozen=True, slots=True)
class Chart:
    """Points in SVG units. `marks` are the weeks, from 1, in which something was granted or stopped in the first world."""

    title: str
    curves: tuple[str, ...]
    median: str
    ticks: tuple[tuple[float, str], ...]
    weeks: tuple[tuple[float, int], ...]
    limit: float | None
    granted: tuple[tuple[float, str], ...] = ()
    stopped: tuple[tuple[float, str], ...] = ()


def page_of(results: Sequence[Result], alpha: float, world: str, a_week: int) -> str:
    """A page that stands by itself. Results have the same number of weeks."""
    error_top = max(2 * alpha, max(week.error for result in results for week in result.weeks))
    context = {
        "world": world, "alpha": alpha, "worlds": len(results), "weeks": len(results[0].weeks), "a_week": f"{a_week:,}",
        "violations": sum(result.true_error > alpha for result in results),
        "start": statistics.median(result.start_rate for result in results),
        "end": statistics.median(result.end_rate for result in results),
        "error": statistics.median(result.true_error for result in results),
        "charts": [
            _chart("Handled by the AI alone", [[week.rate for week in result.weeks] for result in results], 1.0, None,
                   results[0]),
            _chart("True error of what the AI did alone", [_so_far(result) for result in results], error_top, alpha,
                   results[0]),
        ],
        "first": results[0], "width": WIDTH, "height": HEIGHT, "left": LEFT, "bottom": HEIGHT - BOTTOM, "top": TOP,
    }  # fmt: skip
    return render_to_string("learning/rehearsal.html", context)


def _so_far(result: Result) -> list[float]:
    """The error of everything up to each week."""
    found, alone, wrong = [], 0, 0
    for week in result.weeks:
        alone, wrong = alone + week.alone, wrong + week.wrong
        found.append(wrong / alone if alone else 0.0)
    return found


def _chart(title: str, rows: Sequence[Sequence[float]], top: float, limit: float | None, first: Result) -> Chart:
    count = len(rows[0])

    def across(place: int) -> float:
        return round(LEFT + (WIDTH - LEFT - 8) * place / max(1, count - 1), 1)

    def up(value: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / top, 1)

    def curve(row: Sequence[float]) -> str:
        return " ".join(f"{across(place)},{up(value)}" for place, value in enumerate(row))

    marked = [(across(place), week) for place, week in enumerate(first.weeks)]
    return Chart(
        title=title,
        curves=tuple(curve(row) for row in rows[:MOST_CURVES]) if len(rows) > 1 else (),
        median=curve([statistics.median(values) for values in zip(*rows, strict=True)]),
        ticks=tuple((up(top * part / 4), f"{100 * top * part / 4:.3g} %") for part in range(5)),
        weeks=tuple((across(place), place + 1) for place in range(0, count, max(1, count // 13))),
        limit=up(limit) if limit is not None else None,
        granted=tuple((at, "; ".join(week.granted)) for at, week in marked if week.granted),
        stopped=tuple((at, "; ".join(week.stopped)) for at, week in marked if week.stopped),
    )
