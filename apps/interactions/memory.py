"""The memory of a process that has started, web or worker."""

import gc
from typing import Any


def settle(**kwargs: Any) -> None:
    """What is loaded by now stays for good: the collector need not look at it again, nor look so often."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
