"""The admin of cases, the mirror, API keys, the settings of types, and the machinery."""

from apps.interactions.admin import cases, keys, machinery, mirror, types

__all__ = ["cases", "keys", "machinery", "mirror", "types"]
