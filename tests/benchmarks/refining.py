"""How long one report takes over 100,000 pieces of evidence, and how much memory."""

import resource
import time
from typing import Any

from tests.benchmarks.row import at_most

PIECES = 100_000


def rows() -> list[dict[str, Any]]:
    from apps.learning.refining import refine
    from tests.learning.test_refining import pieces

    evidence = pieces(PIECES)
    started = time.perf_counter()
    found = refine(evidence, report=1)
    took = time.perf_counter() - started
    assert any(finding.proposed for finding in found)
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [
        at_most(f"refinement over {PIECES:,} pieces of evidence", took, "s", 30, digits=2),
        at_most("… the whole process' memory at its highest", megabytes, "MB", 1000, digits=0),
    ]
