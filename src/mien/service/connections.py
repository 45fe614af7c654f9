"""Connections that begin a request and never finish its headers are closed, since each takes memory and a descriptor.

Slow bodies are refused by mien.service.bodies, idle connections by uvicorn. Knows no request.
"""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


def timed_protocol(seconds: float) -> type[H11Protocol]:
    """The protocol of uvicorn, which gives each request's headers some seconds.

    Args:
        seconds: from the first byte, or from the beginning of the connection, to the end of the headers.
    """

    class TimedProtocol(H11Protocol):
        """Closes connections whose headers do not arrive."""

        _timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._timer = self.loop.call_later(seconds, self._give_up)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if not self._waits_for_headers():
                self._stop_timer()
            elif self._timer is None:
                self._timer = self.loop.call_later(seconds, self._give_up)

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_timer()
            super().connection_lost(exc)

        def _waits_for_headers(self) -> bool:
            return self.cycle is None or self.cycle.response_complete

        def _give_up(self) -> None:
            if self._waits_for_headers():
                self.transport.close()

        def _stop_timer(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    return TimedProtocol
