"""Charts drawn on the server: the geometry of lines and bars in the units of an SVG's view box."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 720.0, 200.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 36.0, 12.0, 12.0, 24.0


@dataclass(frozen=True, slots=True)
class Mark:
    """One value in the picture: where it stands, how wide and high its bar is, and what it says."""

    x: float
    y: float
    width: float
    height: float
    label: str
    value: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A line for each series, or bars for a single one; `grid` are (y, value) of the horizontal lines."""

    lines: tuple[str, ...]
    marks: tuple[Mark, ...]
    grid: tuple[tuple[float, str], ...]
    ticks: tuple[tuple[float, str], ...]
    flags: tuple[tuple[float, str], ...] = ()


def lines(
    labels: Sequence[str], series: Sequence[Sequence[float | None]], *, top: float, flags: dict[str, str] | None = None
) -> Chart:
    """Each series as a path over `labels`, from 0 to `top`; a gap where there is no value. `flags` mark labels."""
    places = [_x(index, len(labels)) for index in range(len(labels))]
    paths = tuple(_path(places, values, top) for values in series)
    marks = tuple(
        Mark(places[index], _y(value, top), 0, 0, labels[index], value)
        for values in series
        for index, value in enumerate(values)
        if value is not None
    )
    marked = tuple((places[labels.index(label)], text) for label, text in (flags or {}).items() if label in labels)
    return Chart(paths, marks, _grid(top), _ticks(labels, places), marked)


def bars(labels: Sequence[str], values: Sequence[float]) -> Chart:
    """One bar for each label, from 0 to the highest value."""
    top = math.ceil(max([*values, 2]) / 2) * 2  # so that its half is a whole number too
    step = (WIDTH - _LEFT - _RIGHT) / max(1, len(labels))
    marks = tuple(
        Mark(round(_LEFT + index * step + 1, 1), _y(value, top), round(max(1.0, step - 2), 1),
             round(HEIGHT - _BOTTOM - _y(value, top), 1), labels[index], value)
        for index, value in enumerate(values)
    )  # fmt: skip
    places = [round(_LEFT + (index + 0.5) * step, 1) for index in range(len(labels))]
    return Chart((), marks, _grid(top), _ticks(labels, places))


def _x(index: int, count: int) -> float:
    inside = WIDTH - _LEFT - _RIGHT
    return round(_LEFT + (inside * index / (count - 1) if count > 1 else inside / 2), 1)


def _y(value: float, top: float) -> float:
    return round(HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * min(value, top) / top, 1)


def _path(places: Sequence[float], values: Sequence[float | None], top: float) -> str:
    parts, pen = [], "M"
    for place, value in zip(places, values, strict=True):
        if value is None:
            pen = "M"
            continue
        parts.append(f"{pen}{place} {_y(value, top)}")
        pen = "L"
    return "".join(parts)


def _grid(top: float) -> tuple[tuple[float, str], ...]:
    return tuple((_y(top * part, top), f"{top * part:g}") for part in (0, 0.5, 1))


def _ticks(labels: Sequence[str], places: Sequence[float]) -> tuple[tuple[float, str], ...]:
    """At most eight labels, evenly."""
    step = max(1, -(-len(labels) // 8))
    return tuple((places[index], labels[index]) for index in range(0, len(labels), step))
