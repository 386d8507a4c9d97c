"""Every operation of the API as its schema describes it, with inputs that schemathesis makes up, good ones and bad ones."""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
    "response_headers_conformance,ignored_auth"
)


@dataclass(frozen=True, slots=True)
class Contract:
    """How many requests were made of how many operations, and what failed, in words."""

    requests: int
    operations: int
    failures: list[str]


def run(address: str, key: str, examples: int, seed: int = 7) -> Contract:
    """`examples` for each operation and phase."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.ndjson"
        command = [
            str(Path(sys.executable).with_name("st")), "run", f"{address}/api/v1/schema/", "-H", f"Authorization: Bearer {key}",
            "--checks", CHECKS, "-n", str(examples), "--seed", str(seed), "--continue-on-failure", "--no-color",
            "--report-ndjson-path", str(report), "--suppress-health-check", "all", "--generation-database", "none",
        ]  # fmt: skip
        ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
        return read(report, ran.stdout + ran.stderr)


def read(report: Path, said: str) -> Contract:
    requests, operations, failures = 0, set[tuple[str, str]](), list[str]()
    for line in report.read_text().splitlines():
        (kind, event), *_ = json.loads(line).items()
        if kind != "ScenarioFinished":
            continue
        recorder = event.get("recorder", {})
        requests += len(recorder.get("interactions", {}))
        operations |= {(case["value"]["method"], case["value"]["path"]) for case in recorder.get("cases", {}).values()}
        for checks in recorder.get("checks", {}).values():
            failures += [json.dumps(check, indent=1) for check in checks if check["status"] == "failure"]
    return Contract(requests, len(operations), failures or ([said[-3000:]] if not requests else []))
