"""The plans and images that are sold. H100, A100 and A30 are called as they were seen; the others' names are chosen."""

from __future__ import annotations

from typing import Any


def _row(
    name: str,
    plan: str,
    image: str,
    *,
    card: tuple[str, int, int] | None,
    price: float,
    currency: str = "INR",
    shape: tuple[int, str, int],
    available: bool = True,
) -> dict[str, Any]:
    system, version = image.split("-")[:2]
    cpus, ram, disk = shape
    details = {}
    if card:
        kind, count, memory = card
        details = {
            "CARD_NAME": f"NVIDIA-{count}x{kind}",
            "CARD_TYPE": f"Nvidia-{kind}",
            "UNIT_COUNT": count,
            "UNIT_MEMORY": memory,
        }
    return {
        "name": name,
        "plan": plan,
        "image": image,
        "location": "Delhi",
        "os": {"name": system, "version": version, "image": image, "category": "Gpu" if card else system},
        "specs": {
            "id": "1088",
            "sku_name": name,
            "series": name.partition(".")[0],
            "cpu": cpus,
            "ram": ram,
            "disk_space": disk,
            "price_per_hour": price,
            "price_per_month": round(price * 730),
            "minimum_billing_amount": 0,
            "committed_sku": [],
        },
        "cpu_type": "vCPU",
        "gpu_card_details": details,
        "available_inventory_status": available,
        "currency": currency,
        "is_blockstorage_attachable": True,
        "can_support_bitninja": not card,
    }


ROWS: tuple[dict[str, Any], ...] = (
    _row(
        "C3.8GB",
        "C3-4vCPU-8RAM-100DISK-C3.8GB-Ubuntu-24.04-Delhi",
        "Ubuntu-24.04-Distro",
        card=None,
        price=3.1,
        shape=(4, "8.00", 100),
    ),
    _row(
        "GDC.1xL4-25.110GB",
        "GDC-25vCPU-110RAM-250DISK-GDC.1xL4-25.110GB-Ubuntu-22.04-Delhi",
        "Ubuntu-22.04-GPU",
        card=("L4", 1, 24),
        price=49,
        shape=(25, "110.00", 250),
    ),
    _row(
        "GDC.2xA30-32.180GB",
        "GPU-32vCPU-180RAM-1280DISK-GDC.A30GB_Ubuntu 22.04-Delhi",
        "Ubuntu-22.04-GPU",
        card=("A30", 2, 24),
        price=180,
        shape=(32, "180.00", 1280),
    ),
    _row(
        "GDC.2xA30-32.180GB",
        "GPU-32vCPU-180RAM-1280DISK-GDC.A30GB_Rocky 9-Delhi",
        "Rocky-9-GPU",
        card=("A30", 2, 24),
        price=180,
        shape=(32, "180.00", 1280),
    ),
    _row(
        "GDC3.A10080-16.115GB",
        "GDC3-16vCPU-115RAM-1500DISK-GDC3.A10080-16.115GB-Ubuntu-22.04-Delhi",
        "Ubuntu-22.04-GPU",
        card=("A100", 1, 80),
        price=189,
        shape=(16, "115.00", 1500),
    ),
    _row(
        "GDC.1xH100-80GB_SXM",
        "GDC-1xH100-Ubuntu-Delhi",
        "Ubuntu-22.04-GPU",
        card=("H100", 1, 80),
        price=3.77,
        currency="USD",
        shape=(30, "200.00", 1000),
    ),
    _row(
        "GDC.1xH200-141GB_SXM",
        "GDC-1xH200-Ubuntu-Delhi",
        "Ubuntu-22.04-GPU",
        card=("H200", 1, 141),
        price=436,
        shape=(30, "375.00", 1500),
        available=False,
    ),
)


def _version(system: str, version: str) -> dict[str, Any]:
    return {"os": system, "version": version, "sub_category": system, "software_version": "", "number_of_domains": None}


SYSTEMS: dict[str, Any] = {
    "category_list": [
        {"OS": "Ubuntu", "category": ["Linux Virtual Node"], "version": [_version("Ubuntu", "24.04")]},
        # Chosen: what the group of GPUs is called.
        {"OS": "GPU", "category": ["GPU"], "version": [_version("Ubuntu", "22.04"), _version("Rocky", "9")]},
    ]
}


def plans(query: dict[str, str]) -> list[dict[str, Any]]:
    """The rows of one system, or all where none is named; only Delhi has any."""
    gpu = query.get("display_category") == "GPU"
    return [
        row
        for row in ROWS
        if row["location"] == query["location"]
        and query.get("os", row["os"]["name"]) == row["os"]["name"]
        and query.get("osversion", row["os"]["version"]) == row["os"]["version"]
        and ("display_category" not in query or (row["os"]["category"] == "Gpu") == gpu)
    ]
