"""Names: those of the official client (aidial-client 0.18.0), and those that all calls of deployments have."""

from pathlib import Path
from typing import Dict, List

DATA = Path(__file__).resolve().parents[1] / "data" / "official_names.txt"


def official_names() -> Dict[str, List[str]]:
    """Public names that programs import, by module; "" is the package."""
    lines = [line for line in DATA.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return {place: names.split() for place, _, names in (line.partition(":") for line in lines)}


CALL_OPTIONS = {
    "api_version", "extra_headers", "extra_query", "extra_params", "extra_body", "timeout", "max_retries",
    "conversation_id", "cache_policy",
}  # fmt: skip
"""How a deployment is called (CallOptions); no parameters of the deployment, so never in the body of the request."""
