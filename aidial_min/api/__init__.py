"""DIAL's operations, one file per area: each written once, then bound for the sync and the async client."""
