"""`manage.py rehearse journey`: how far learning would bring an invented operation, and how often it would be wrong."""

import json
import multiprocessing
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.module_loading import import_string
from tqdm import tqdm

from apps.learning.rehearsal.journey import A_WEEK, BLIND, Journey
from apps.learning.rehearsal.operation import Result
from apps.learning.rehearsal.page import page_of
from apps.learning.rehearsal.world import World

Asked = tuple[str, int, int, float, float]
"""Path and seed of a world, weeks, the promised error rate, and the share that is judged blind."""

SHOP = "apps.learning.rehearsal.shop.Shop"


class Command(BaseCommand):
    help = (
        "Rehearses in memory what weeks of learning would bring: an invented world writes, people judge, reports propose, "
        "ramps and breakers act, by the functions that work on real cases. Touches no database."
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
        journey.add_argument("--page", type=Path, help="write a page with the curves of all worlds")
        journey.add_argument("--json", action="store_true", help="print what came of it as the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        if min(options["weeks"], options["worlds"], options["processes"]) < 1:
            raise CommandError("Weeks, worlds and processes are 1 or more.")
        if not 0 < options["alpha"] < 1:
            raise CommandError("--alpha is an error rate between 0 and 1, like 0.02.")
        world_named(options["world"])
        if not 0 < options["blind"] <= 100:
            raise CommandError(
                "--blind is a percentage over 0 and up to 100: without evidence nothing is ever proposed."
            )
        asked = [(options["world"], options["seed"] + place, options["weeks"], options["alpha"], options["blind"] / 100)
                 for place in range(options["worlds"])]  # fmt: skip
        results = []
        quiet = options["verbosity"] == 0
        with tqdm(total=len(asked) * options["weeks"], unit="week", disable=quiet) as bar:
            for result in _run(asked, options["processes"]):
                bar.update(options["weeks"])
                results.append(result)
                if not quiet:
                    tqdm.write(_in_words(result), file=self.stderr)
        results.sort(key=lambda result: result.seed)
        if options["page"]:
            options["page"].write_text(page_of(results, options["alpha"], options["world"].rpartition(".")[2], A_WEEK))
            self.stderr.write(f"The curves are in {options['page']}.")
        if options["json"]:
            self.stdout.write(json.dumps(summary(results, options["alpha"])))


def world_named(path: str) -> type[World]:
    """Raises CommandError when there is no such world."""
    try:
        found = import_string(path)
    except ImportError as error:
        raise CommandError(f"There is no world “{path}”: {error}") from None
    if not (isinstance(found, type) and issubclass(found, World)):
        raise CommandError(f"“{path}” is no World: make it a subclass of apps.learning.rehearsal.world.World.")
    return found


def _run(asked: list[Asked], processes: int) -> Iterator[Result]:
    if processes == 1:
        yield from map(_one, asked)
        return
    with multiprocessing.Pool(processes) as pool:
        yield from pool.imap_unordered(_one, asked)


def _one(asked: Asked) -> Result:
    path, seed, weeks, alpha, blind = asked
    return Journey(world_named(path)(seed), target=alpha, blind=blind).run(weeks)


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
