"""`manage.py rehearse`: how far learning would bring an invented operation, how often it would be wrong, and its sale night."""

import json
import multiprocessing
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.module_loading import import_string
from tqdm import tqdm

from apps.learning.rehearsal.journey import A_WEEK, BLIND, Journey
from apps.learning.rehearsal.live import LiveJourney
from apps.learning.rehearsal.night import BEGINS, HOURS, JUDGEMENT_CALLS, MESSAGES, Told, night
from apps.learning.rehearsal.operation import Result
from apps.learning.rehearsal.page import page_of
from apps.learning.rehearsal.staging import Clock, own_database
from apps.learning.rehearsal.world import FIRST_MONDAY, World

Asked = tuple[str, int, int, float, float, int]
"""Path and seed of a world, weeks, the promised error rate, the share that is judged blind, and interactions a week."""

A_WEEK_LIVE = 500
SHOP = "apps.learning.rehearsal.shop.Shop"

UNTIMED = "{l_bar}{bar}| {n_fmt} of {total_fmt} {unit}"


class Command(BaseCommand):
    help = (
        "Rehearses an invented operation: customers write, people judge, reports propose, ramps and breakers act, by the "
        "functions that work on real cases. `journey` runs weeks of it in memory, or through the real pipeline; `night` is the "
        "sale night. Touches no brand: what needs a database makes one of its own, and drops it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        kinds = parser.add_subparsers(dest="kind", required=True)
        journey = kinds.add_parser("journey", help="weeks of learning, in one world or many")
        journey.add_argument("--weeks", type=int, default=26)
        journey.add_argument("--worlds", type=int, default=1)
        journey.add_argument("--seed", type=int, default=1, help="of the first world; the others have those after it")
        journey.add_argument("--world", default=SHOP, help=f"dotted path of a World; default {SHOP}")
        journey.add_argument("--alpha", type=float, default=0.02, help="the error rate that is promised")
        journey.add_argument("--blind", type=float, default=100 * BLIND, help="percent of people's cases judged blind")
        journey.add_argument("--processes", type=int, default=1)
        journey.add_argument(
            "--through-pipeline", action="store_true",
            help="one world through intake, pipeline, people's pages and database, every ruling compared with memory",
        )  # fmt: skip
        journey.add_argument(
            "--a-week", type=int,
            help=f"interactions; default {A_WEEK:,}, and {A_WEEK_LIVE} through the pipeline: a minute or two each",
        )  # fmt: skip
        journey.add_argument("--page", type=Path, help="write a page with the curves of all worlds")
        journey.add_argument("--json", action="store_true", help="print what came of it as the last line")
        night = kinds.add_parser(
            "night", help=f"{MESSAGES} messages in four hours, {JUDGEMENT_CALLS} of them judgement calls"
        )
        night.add_argument("--seed", type=int, default=1)
        night.add_argument("--world", default=SHOP, help=f"dotted path of a World; default {SHOP}")
        night.add_argument("--people", type=int, default=4, help="supervisors on shift")
        night.add_argument("--json", action="store_true", help="print what came of it as the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["kind"] == "night":
            self._night(options)
        else:
            self._journey(options)

    def _night(self, options: dict[str, Any]) -> None:
        world = with_a_shop(options["world"], options["seed"])
        if not 1 <= options["people"] <= len(world.people):
            raise CommandError(f"This world has 1 to {len(world.people)} people.")
        ends = BEGINS + timedelta(hours=HOURS)
        with (
            tqdm(total=HOURS * 60, unit="min", bar_format=UNTIMED, disable=options["verbosity"] == 0) as bar,
            own_database(), Clock(BEGINS - timedelta(hours=2)) as clock,
        ):  # fmt: skip
            told = night(world, clock.set, people=options["people"],
                         said=lambda at: _moved(bar, int((min(at, ends) - BEGINS).total_seconds() // 60) - bar.n))  # fmt: skip
        self.stderr.write(night_in_words(told))
        if options["json"]:
            self.stdout.write(json.dumps(told.as_json()))

    def _journey(self, options: dict[str, Any]) -> None:
        if min(options["weeks"], options["worlds"], options["processes"]) < 1:
            raise CommandError("Weeks, worlds and processes are 1 or more.")
        if options["a_week"] is not None and options["a_week"] < 1:
            raise CommandError("--a-week is 1 or more.")
        if options["page"] and not options["page"].absolute().parent.is_dir():
            raise CommandError(f"There is no folder “{options['page'].parent}” to write the page to.")
        if not 0 < options["alpha"] < 1:
            raise CommandError("--alpha is an error rate between 0 and 1, like 0.02.")
        world_of(options["world"], options["seed"])
        if not 0 < options["blind"] <= 100:
            raise CommandError(
                "--blind is a percentage over 0 and up to 100: without evidence nothing is ever proposed."
            )
        a_week = options["a_week"] or (A_WEEK_LIVE if options["through_pipeline"] else A_WEEK)
        if options["through_pipeline"]:
            if options["worlds"] > 1:
                raise CommandError("One world at a time goes through the pipeline.")
            self._finish([self._live(options, a_week)], options, a_week)
            return
        asked = [(options["world"], options["seed"] + place, options["weeks"], options["alpha"], options["blind"] / 100, a_week)
                 for place in range(options["worlds"])]  # fmt: skip
        results = []
        quiet = options["verbosity"] == 0
        with tqdm(total=len(asked) * options["weeks"], unit="week", disable=quiet) as bar:
            for result in _run(asked, options["processes"]):
                bar.update(options["weeks"])
                results.append(result)
                if not quiet:
                    tqdm.write(_in_words(result), file=self.stderr)
        self._finish(results, options, a_week)

    def _live(self, options: dict[str, Any], a_week: int) -> Result:
        world = with_a_shop(options["world"], options["seed"])
        with (
            tqdm(total=options["weeks"], unit="week", bar_format=UNTIMED, disable=options["verbosity"] == 0) as bar,
            own_database(), Clock(FIRST_MONDAY - timedelta(hours=1)) as clock,
        ):  # fmt: skip
            journey = LiveJourney(
                world, clock.set, a_week=a_week, target=options["alpha"], blind=options["blind"] / 100
            )
            result = journey.run(options["weeks"], lambda number, week: _moved(bar, 1))
        found = journey.differences
        self.stderr.write(
            f"{found.compared:,} rulings compared with memory, {len(found.found)} of them otherwise; {found.kept_back:,} were "
            "left to people by checks that memory does not have."
        )
        if found.found:
            raise CommandError("\n".join(["The pipeline and memory differ:", *found.found[:20]]))
        return result

    def _finish(self, results: list[Result], options: dict[str, Any], a_week: int) -> None:
        results.sort(key=lambda result: result.seed)
        if options["page"]:
            options["page"].write_text(page_of(results, options["alpha"], options["world"].rpartition(".")[2], a_week))
            self.stderr.write(f"The curves are in {options['page']}.")
        if options["json"]:
            self.stdout.write(json.dumps(summary(results, options["alpha"])))


def world_of(path: str, seed: int) -> World:
    """Raises CommandError when there is no such world, it is not finished, or its seed is none."""
    if seed < 0:
        raise CommandError("--seed is 0 or more.")
    try:
        found = import_string(path)
    except ImportError as error:
        raise CommandError(f"There is no world “{path}”: {error}") from None
    if not (isinstance(found, type) and issubclass(found, World)):
        raise CommandError(f"“{path}” is no World: make it a subclass of apps.learning.rehearsal.world.World.")
    if missing := sorted(getattr(found, "__abstractmethods__", ())):
        raise CommandError(f"“{path}” is not finished: it lacks {', '.join(missing)}.")
    return found(seed)


def with_a_shop(path: str, seed: int) -> World:
    """A world that can go through the pipeline. Raises CommandError for one that runs in memory only."""
    found = world_of(path, seed)
    try:
        found.shop()
    except NotImplementedError as error:
        raise CommandError(
            f"{error} Write its shop(), mirrored() and message(), or rehearse a journey in memory."
        ) from None
    return found


def _run(asked: list[Asked], processes: int) -> Iterator[Result]:
    if processes == 1:
        yield from map(_one, asked)
        return
    with multiprocessing.Pool(processes) as pool:
        yield from pool.imap_unordered(_one, asked)


def _one(asked: Asked) -> Result:
    path, seed, weeks, alpha, blind, a_week = asked
    return Journey(world_of(path, seed), a_week=a_week, target=alpha, blind=blind).run(weeks)


def summary(results: list[Result], alpha: float) -> dict[str, Any]:
    """`violations`: worlds in which what the AI did alone was wrong more often than `alpha`."""
    return {
        "worlds": len(results),
        "violations": sum(result.true_error > alpha for result in results),
        "start_rate": [round(result.start_rate, 4) for result in results],
        "end_rate": [round(result.end_rate, 4) for result in results],
        "true_error": [round(result.true_error, 5) for result in results],
        "alpha": alpha,
        "proposals": sum(result.proposals for result in results),
        "breaker_weeks": [result.breaker_weeks for result in results],
    }


def _in_words(result: Result) -> str:
    trips = f", breakers in week {', '.join(map(str, result.breaker_weeks))}" if result.breaker_weeks else ""
    return (
        f"world {result.seed}: {result.start_rate:.0%} → {result.end_rate:.0%} by the AI alone, {result.true_error:.2%} of it "
        f"wrong, {result.proposals} grants{trips}"
    )


def _moved(bar: Any, by: float) -> None:
    """Under a set clock the bar would not draw itself, and the times that it knows are none."""
    bar.update(by)
    bar.refresh()


def night_in_words(told: Told) -> str:
    return (
        f"{told.messages} messages, {told.judgement_calls} of them judgement calls: {told.by_ai} handled by the AI alone, "
        f"{told.by_people} decided by people, {told.lost} lost. At 23:47 {told.waiting_at_end} waited. People waited for "
        f"{told.median_wait_seconds} seconds (median) and {told.longest_wait_seconds} at most; a decision took "
        f"{told.median_decision_seconds} seconds (median), {told.decided_within_90_seconds:.0%} of them 90 or less. The queue "
        f"was empty at {told.went_home_at}."
    )
