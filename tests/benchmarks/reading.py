"""What reading messages costs a worker: a process of its own on one core loads the models and reads the corpus."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.benchmarks.row import at_most

_PROJECT = Path(__file__).resolve().parents[2]
_MEASURED = """
import json, os, random, resource, time
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
from apps.interactions.classification import detecting, intents, training
started = time.perf_counter()
training.make_ready()
load = time.perf_counter() - started
texts = random.Random(0).sample(training.corpus()[0], 1500)
detecting.alarms_of(texts[:100], [{}] * 100)
started = time.perf_counter()
for place in range(0, len(texts), 100):
    batch = texts[place : place + 100]
    intents.read(batch)
    detecting.alarms_of(batch, [{}] * len(batch))
each = (time.perf_counter() - started) / len(texts)
print(json.dumps([load, each * 1000, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def rows() -> list[dict[str, Any]]:
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", _MEASURED]
    done = subprocess.run(command, cwd=_PROJECT, capture_output=True, text=True, check=True)
    load, each, memory = json.loads(done.stdout.splitlines()[-1])
    return [
        at_most("intents and alarms of a message, in batches of 100 on one core", each, "ms", 3, digits=2),
        at_most("loading the trained models", load, "s", 1.5, digits=2),
        at_most("memory of a process that reads messages", memory, "MB", 300, digits=0),
    ]
