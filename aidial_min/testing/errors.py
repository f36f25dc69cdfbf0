"""How a handler says no: one exception with the status and the plain text that Core would answer.

Knows nothing else; every module of the server may raise it, the order of checks in `core.py` answers it.
"""


class Refusal(Exception):
    """Answer `status` with `words` as plain text, without a Content-Type."""

    def __init__(self, status: int, words: str = "") -> None:
        super().__init__(status, words)
        self.status = status
        self.words = words
