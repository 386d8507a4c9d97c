"""One measured figure, in the shape of docs/benchmarks/latest.json."""

from typing import Any


def at_most(name: str, value: float, unit: str, target: float, *, digits: int = 1, **peer: Any) -> dict[str, Any]:
    return _row(name, value, unit, f"≤ {target:g}", value <= target, digits, peer)


def at_least(name: str, value: float, unit: str, target: float, *, digits: int = 1, **peer: Any) -> dict[str, Any]:
    return _row(name, value, unit, f"≥ {target:g}", value >= target, digits, peer)


def _row(
    name: str, value: float, unit: str, target: str, met: bool, digits: int, peer: dict[str, Any]
) -> dict[str, Any]:
    compared = {"peer": None, "peer_value": None, "ratio": None, **peer}
    return {
        "name": name,
        "value": round(value if isinstance(value, int) else float(value), digits),  # numpy's are no numbers of JSON
        "unit": unit,
        "target": target,
        **compared,
        "met": bool(met),
    }
