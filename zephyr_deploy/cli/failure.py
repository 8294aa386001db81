"""What an error looks like to the user: one shape, whatever was raised."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Failure:
    """An error as it is shown; ``details`` are facts for programs and never hold a secret."""

    code: str
    message: str
    hint: str | None
    exit_code: int
    details: dict[str, object] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """As JSON has it."""
        return asdict(self)
