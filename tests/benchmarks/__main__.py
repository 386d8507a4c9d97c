"""`make bench`: measures what the README promises, prints it, and writes docs/benchmarks/latest.json.

Speed is measured here and never in a test: machines differ. Each row carries its target and whether it was met.
"""

import json
import os
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PAGE = PROJECT / "docs" / "benchmarks" / "latest.json"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from apps.interactions.demo import demo_partner
    from tests.benchmarks import pipeline, reading, replaying, ruling, spending, verifying
    from tests.benchmarks.database import bench_database

    rows = ruling.rows() + verifying.rows() + reading.rows()
    with bench_database():
        rows += replaying.rows(demo_partner("bench", "Bench"))
    with bench_database():
        rows += spending.rows()
    with bench_database() as environment:
        rows += pipeline.rows(environment)
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    for row in rows:
        verdict = "met" if row["met"] else "NOT MET"
        print(f"{row['name']:<66} {row['value']:>9} {row['unit']:<8} target {row['target']:<7} {verdict}")
    print(f"Wrote {PAGE.relative_to(PROJECT)}.")
    sys.exit(0 if all(row["met"] for row in rows) else 1)


if __name__ == "__main__":
    main()
