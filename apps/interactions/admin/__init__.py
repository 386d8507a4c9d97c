"""The admin of cases, the mirror, API keys, the settings of types, and the machinery."""

from apps.interactions.admin import (
    cases,
    catalogue,
    connections,
    duties,
    keys,
    machinery,
    mirror,
    outcomes,
    outside_models,
    tokens,
    types,
    webhooks,
)

__all__ = [
    "cases",
    "catalogue",
    "connections",
    "duties",
    "keys",
    "machinery",
    "mirror",
    "outcomes",
    "outside_models",
    "tokens",
    "types",
    "webhooks",
]
