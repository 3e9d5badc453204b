"""Uvicorn, ending as a service should."""

import signal
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn


class QuietServer(uvicorn.Server):
    """Stops on SIGTERM and SIGINT with exit status 0; Uvicorn's own server dies of the signal after it has stopped."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Let both signals begin the graceful stop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)
        yield
