"""How the target says no."""


class RefusalError(Exception):
    """A request that is answered with an error: an HTTP status, and one sentence for the body."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
