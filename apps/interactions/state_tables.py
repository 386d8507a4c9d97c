"""`docs/states.md`: every machine's table and diagram, read from the transition methods."""

from django.apps import apps as registry
from django.db import models
from django_fsm import FSMField

from apps.policies.machines import Edge, edges


def machines() -> list[type[models.Model]]:
    """Every model with a protected state, layer by layer from the bottom."""
    ours = [model for model in reversed(list(registry.get_app_configs())) if model.name.startswith("apps.")]
    found = [model for config in ours for model in config.get_models()]
    return [model for model in found if any(isinstance(field, FSMField) for field in model._meta.fields)]


_HEAD = """# States

Written from the code by `make docs`; a test fails when the two differ. A transition that is not listed does not
exist: `apps/policies/machines.py` refuses it with a sentence, and each one that happens leaves an audit row.
"""


def markdown() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(_section(model) for model in machines())])


def _section(model: type[models.Model]) -> str:
    found = edges(model)
    doc = (model.__doc__ or "").strip().splitlines()
    said = doc[0] if doc and not doc[0].startswith(f"{model.__name__}(") else ""
    lines = [
        f"## {model.__name__}",
        "",
        *([said, ""] if said else []),
        "| source | event | target | who | needs |",
        "|---|---|---|---|---|",
        *(_row(edge) for edge in found),
        "",
        "```mermaid",
        "stateDiagram-v2",
        f"    [*] --> {_initial(model)}",
        *(f"    {edge.source} --> {edge.target}: {edge.event}" for edge in found),
        *(f"    {state} --> [*]" for state in _final(model, found)),
        "```",
        "",
    ]
    return "\n".join(lines)


def _row(edge: Edge) -> str:
    return f"| `{edge.source}` | {edge.event} | `{edge.target}` | {edge.who} | {'; '.join(edge.guards) or '–'} |"


def _initial(model: type[models.Model]) -> str:
    return str(model._meta.get_field("state").get_default())  # type: ignore[union-attr]


def _final(model: type[models.Model], found: list[Edge]) -> list[str]:
    states = [str(value) for value, _ in model._meta.get_field("state").choices or ()]  # type: ignore[union-attr]
    return [state for state in states if state not in {edge.source for edge in found}]
