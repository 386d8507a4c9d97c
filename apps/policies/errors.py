"""What can go wrong in the domain. Mapped once to HTTP (api/problems.py) and once to screen messages (reach)."""


class RemitError(Exception):
    """Base of the domain's errors; its text is a sentence for the person who asked."""


class Refused(RemitError):
    """What was asked is not allowed now, or not to this person."""


class Moved(Refused):
    """Somebody or something else changed the row first; nothing was done."""


class Invalid(RemitError):
    """Input that cannot be taken: `errors` maps each field to the reasons."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{name}: {' '.join(reasons)}" for name, reasons in errors.items()))
