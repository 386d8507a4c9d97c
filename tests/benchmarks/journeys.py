"""What learning comes to in invented worlds: 200 of each kind, through the functions that work on real cases.

    python -m tests.benchmarks.journeys [--worlds N] [kind …]

Every figure of the issue's table has a kind of its own; each takes a quarter of an hour or more on two cores.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

WEEKS, A_YEAR = 26, 52
ALPHA = 0.02


def _ours(name: str, seed: int, weeks: int) -> dict[str, Any]:
    from apps.learning.rehearsal import shop, worlds
    from apps.learning.rehearsal.journey import Journey

    started = time.perf_counter()
    kind = shop.Shop if name == "Shop" else getattr(worlds, name)
    journey = Journey(kind(seed))
    shaken: dict[str, float] = {}

    def said(number: int, week: Any) -> None:
        if number + 1 == worlds.ChangedMinds.changes_in:
            shaken.update(_errors_of(journey, number + 1))

    result = journey.run(weeks, said)
    took = time.perf_counter() - started
    gone_wrong = tuple(f"{kind}:" for kind, error in shaken.items() if kind and error > ALPHA)
    answered = [text for week in result.weeks[12:14] for text in (*week.stopped, *week.tightened)]
    return {
        **_summary(result), "seconds": took, "flooded": _flooded(journey), "shaken": shaken.get("", 0) > ALPHA,
        "a_kind_shaken": bool(gone_wrong), "this_kind_seen": any(text.startswith(gone_wrong) for text in answered),
    }  # fmt: skip


def _errors_of(journey: Any, week: int) -> dict[str, float]:
    """How often the AI would be wrong in a week to come with what it is granted now: in all, under "", and of each kind that it
    would do wrong 10 times at least."""
    from apps.learning.rehearsal.journey import is_wrong

    policy, grants = journey.in_force()
    wrong, alone = Counter[str](), Counter[str]()
    for one in journey.world.week(week, journey.a_week):
        verdict = policy.rule(one.case_type, one.proposal, one.facts)
        if verdict.handler == "autonomous":
            for name in ("", grants[verdict.rule].in_words().split(":")[0]):
                alone[name] += 1
                wrong[name] += is_wrong(one, journey.world.right(one))
    return {name: wrong[name] / count for name, count in alone.items() if not name or wrong[name] >= 10}


def _naive(agreements: int, seed: int, weeks: int, *, in_a_row: bool = False) -> dict[str, Any]:
    from apps.learning.rehearsal.naive import NaiveJourney
    from apps.learning.rehearsal.shop import Shop

    return _summary(NaiveJourney(Shop(seed), agreements, in_a_row=in_a_row).run(weeks))


def _summary(result: Any) -> dict[str, Any]:
    return {
        "seed": result.seed, "start": result.start_rate, "end": result.end_rate, "error": result.true_error,
        "proposals": result.proposals, "bad": len(result.bad_grants(ALPHA)), "trips": result.breaker_weeks, "tightened": result.tightening_weeks,
    }  # fmt: skip


def _flooded(journey: Any) -> int:
    """How many of 200 refunds far past the window the AI would now pay alone."""
    from apps.learning.rehearsal.worlds import far_past

    policy, _ = journey.in_force()
    refunds = [one for one in journey.world.week(1, journey.a_week) if one.hidden.shape == "refund"][:200]
    probes = [far_past(one, f"probe-{place}", minute=0) for place, one in enumerate(refunds)]
    return sum(policy.rule(one.case_type, one.proposal, one.facts).handler == "autonomous" for one in probes)


_in_a_row = partial(_naive, in_a_row=True)

KINDS: dict[str, tuple[Callable[..., dict[str, Any]], Any, int]] = {
    "journey": (_ours, "Shop", WEEKS),
    "naive-30": (_naive, 30, WEEKS),
    "naive-100": (_naive, 100, WEEKS),
    "naive-300": (_naive, 300, WEEKS),
    "in-a-row-30": (_in_a_row, 30, WEEKS),
    "in-a-row-100": (_in_a_row, 100, WEEKS),
    "in-a-row-300": (_in_a_row, 300, WEEKS),
    "random": (_ours, "RandomPeople", WEEKS),
    "anchored": (_ours, "AnchoredPeople", WEEKS),
    "customer-floods": (_ours, "FloodingCustomer", WEEKS),
    "supervisor-floods": (_ours, "FloodingSupervisor", WEEKS),
    "changed-minds": (_ours, "ChangedMinds", 15),
    "steady-year": (_ours, "Shop", A_YEAR),
}


def _one(asked: tuple[str, int]) -> dict[str, Any]:
    name, seed = asked
    run, option, weeks = KINDS[name]
    return run(option, seed, weeks)


def rows_of(name: str, worlds: int) -> dict[str, Any]:
    """What came of so many worlds of a kind."""
    with multiprocessing.Pool(maxtasksperchild=10) as pool:
        found = sorted(
            pool.imap_unordered(_one, [(name, seed) for seed in range(1, worlds + 1)]), key=lambda one: one["seed"]
        )
    ends, starts = [one["end"] for one in found], [one["start"] for one in found]
    shifted = {13, 14}
    return {
        "kind": name, "worlds": worlds, "violations": sum(one["error"] > ALPHA for one in found),
        "worlds_with_a_bad_grant": sum(one["bad"] > 0 for one in found),
        "start_rate": [round(min(starts), 3), round(max(starts), 3)],
        "end_rate_median": round(statistics.median(ends), 3),
        "end_rate_quartiles": [round(cut, 3) for cut in statistics.quantiles(ends, n=4)],
        "true_error_median": round(statistics.median(one["error"] for one in found), 4),
        "true_error_max": round(max(one["error"] for one in found), 4),
        "worlds_with_proposals": sum(one["proposals"] > 0 for one in found),
        "worlds_with_trips": sum(bool(one["trips"]) for one in found),
        "shaken_in_week_13": sum(one.get("shaken", False) for one in found),
        "of_these_seen_in_weeks_13_14": sum(one.get("shaken", False) and bool(shifted & {*one["trips"], *one["tightened"]})
                                            for one in found),
        "a_kind_shaken_in_week_13": sum(one.get("a_kind_shaken", False) for one in found),
        "of_these_this_kind_seen": sum(one.get("this_kind_seen", False) for one in found),
        "seen_in_weeks_13_14": sum(bool(shifted & {*one["trips"], *one["tightened"]}) for one in found),
        "flooded_cases_granted": sum(one.get("flooded", 0) for one in found),
        "seconds_a_world": round(statistics.median([one["seconds"] for one in found if "seconds" in one] or [0]), 1),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kinds", nargs="*", default=list(KINDS), help=", ".join(KINDS))
    parser.add_argument("--worlds", type=int, default=200)
    asked = parser.parse_args()
    for name in asked.kinds:
        sys.stdout.write(json.dumps(rows_of(name, asked.worlds)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one world a core
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings_test")
    import django

    django.setup()
    main()
