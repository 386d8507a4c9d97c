"""How long one report takes over 100,000 judgements, from the rows of the database to its own, and how much memory."""

import resource
import time
from typing import Any

from tests.benchmarks.row import at_most

JUDGED = 100_000


def rows(partner: Any) -> list[dict[str, Any]]:
    from django.utils import timezone

    from apps.learning.refinements import make_report
    from tests.benchmarks.seeding import seed_judged

    seed_judged(partner, JUDGED)
    steps: list[tuple[str, float]] = []
    started = time.perf_counter()
    report = make_report(
        partner.boundary, timezone.now(), lambda step, _: steps.append((step, time.perf_counter() - started))
    )
    took = time.perf_counter() - started
    assert report.proposals.exists()
    print(f"  {report.pieces:,} of {JUDGED:,} could be granted; {report.tested} regions tested")
    for step, after in steps:
        print(f"  after {after:5.1f} s: {step}")
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [
        at_most(f"a refinement report over {JUDGED:,} judgements, read from the database", took, "s", 30, digits=2),
        at_most("… the whole process' memory at its highest", megabytes, "MB", 1000, digits=0),
    ]
