"""Graphics cards that a node can pretend to have, as nvidia-smi names them."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Card:
    """What nvidia-smi says of a card; nothing computes on it."""

    name: str
    memory: int
    """MiB."""
    capability: str
    driver: str = "570.133.20"
    cuda: str = "12.8"
    """Newest CUDA that the driver can run."""
    count: int = 1

    def file(self) -> str:
        """Content of /etc/zephyr-lab/card, which the stand-ins read."""
        return "".join(f"{item.name.upper()}='{getattr(self, item.name)}'\n" for item in fields(self))


L4 = Card("NVIDIA L4", 23034, "8.9")
A10G = Card("NVIDIA A10G", 23028, "8.6")
A100 = Card("NVIDIA A100-SXM4-80GB", 81920, "8.0")
H100 = Card("NVIDIA H100 80GB HBM3", 81559, "9.0")
L40S = Card("NVIDIA L40S", 46068, "8.9")
A30 = Card("NVIDIA A30", 24576, "8.0")
H200 = Card("NVIDIA H200", 143771, "9.0")
T4 = Card("Tesla T4", 15360, "7.5")
OLD_DRIVER = Card("NVIDIA A10G", 23028, "8.6", driver="470.256.02", cuda="11.4")
"""Its driver is older than TGI's image asks for."""
