"""`make bench`: measures what the README promises, prints it, and writes docs/benchmarks/latest.json.
`python -m tests.benchmarks reach spending` measures those parts alone, and writes nothing; with `--keep` their rows take the
place of those of the same name.

Speed is measured here and never in a test: machines differ. Each row carries its target and whether it was met.
"""

import json
import os
import sys
from pathlib import Path
from types import ModuleType

PROJECT = Path(__file__).resolve().parents[2]
PAGE = PROJECT / "docs" / "benchmarks" / "latest.json"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from apps.interactions.demo import demo_partner
    from tests.benchmarks import (
        brands,
        browser,
        contract,
        coverage,
        crowd,
        partner_api,
        pipeline,
        reach,
        reading,
        refining,
        replaying,
        ruling,
        season,
        spending,
        verifying,
        webhooks,
    )
    from tests.benchmarks.database import bench_database

    chosen = set(sys.argv[1:]) - {"--keep"}
    rows = [row for part in (ruling, verifying, reading, coverage) if _wanted(part, chosen) for row in part.rows()]
    for of_a_brand in (replaying, refining):
        if _wanted(of_a_brand, chosen):
            with bench_database():
                rows += of_a_brand.rows(demo_partner("bench", "Bench"))
    if _wanted(spending, chosen):
        with bench_database():
            rows += spending.rows()
    for served in (reach, browser, crowd, pipeline, webhooks, partner_api, brands, season, contract):
        if _wanted(served, chosen):
            with bench_database() as environment:
                rows += served.rows(environment)
    if kept := not chosen or "--keep" in sys.argv:
        before = json.loads(PAGE.read_text(encoding="utf-8")) if chosen else []
        by_name = {row["name"]: row for row in [*before, *rows]}
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(json.dumps(list(by_name.values()), indent=2) + "\n", encoding="utf-8")
    for row in rows:
        verdict = "met" if row["met"] else "NOT MET"
        print(f"{row['name']:<66} {row['value']:>9} {row['unit']:<8} target {row['target']:<7} {verdict}")
    if kept:
        print(f"Wrote {PAGE.relative_to(PROJECT)}.")
    sys.exit(0 if all(row["met"] for row in rows) else 1)


def _wanted(part: ModuleType, chosen: set[str]) -> bool:
    return not chosen or part.__name__.rpartition(".")[2] in chosen


if __name__ == "__main__":
    main()
