"""What the official client (aidial-client 0.18.0) calls its modules and their public names."""

from pathlib import Path
from typing import Dict, List

DATA = Path(__file__).resolve().parents[1] / "data" / "official_names.txt"


def official_names() -> Dict[str, List[str]]:
    """Public names that programs import, by module; "" is the package."""
    lines = [line for line in DATA.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return {place: names.split() for place, _, names in (line.partition(":") for line in lines)}
