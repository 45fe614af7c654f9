"""Starts the service: opens the models, listens, says where. Owns uvicorn's settings and what refuses a start."""

import logging
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn

from mien.errors import SettingsError
from mien.freed_memory import overwrite_when_freed
from mien.service.app import create_app
from mien.service.auth.passwords import require_password
from mien.service.auth.store import AccessStore
from mien.service.certificates import self_signed
from mien.service.config import ServiceConfig
from mien.service.connections import timed_protocol
from mien.service.demo import enrol_demo
from mien.service.engines import Engines

IDLE_SECONDS = 15
STOP_SECONDS = 20
"""How long requests in work may take when the service is stopped."""
BACKLOG = 256

OnReady = Callable[[str], None]


def serve(config: ServiceConfig, on_ready: OnReady) -> None:
    """Serve until the process is interrupted.

    Args:
        config: what to start.
        on_ready: called with the service's address as soon as it listens.

    Raises:
        SettingsError: it may not be started like this, or the address is taken.
        ModelError: a model cannot be opened.
    """
    overwrite_when_freed()
    prepare_folder(config.folder)
    require_safe_start(config)
    listening = listen(config)
    try:
        if config.self_signed:
            certificate, key = self_signed(config)
            config = replace(config, tls_cert=certificate, tls_key=key)
        if config.workers > 1:
            from mien.service.workers import serve_by_workers

            serve_by_workers(config, listening, lambda: on_ready(address(config, listening)))
        else:
            answer(config, listening, lambda: on_ready(address(config, listening)))
    finally:
        listening.close()


def answer(config: ServiceConfig, listening: socket.socket, on_started: Callable[[], None]) -> None:
    """Open the models and answer requests in this process until it is interrupted.

    Raises:
        ModelError: a model cannot be opened.
    """
    app = create_app(config, engines := Engines(config))
    if config.demo:
        enrol_demo(app.state.galleries, engines)
    server = _Server(uvicorn.Config(app, **_settings(config)), on_started, app.state.streams.end)
    server.run(sockets=[listening])


def prepare_folder(folder: Path) -> None:
    """Make the service's folder, which only its owner may read."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def require_safe_start(config: ServiceConfig) -> None:
    """Refuse to be reached by other machines without an administrator and without encryption.

    Raises:
        SettingsError: with what is missing and the options that give it.
    """
    if (config.tls_cert is None) != (config.tls_key is None):
        raise SettingsError("--tls-cert and --tls-key belong together: name both files")
    if config.tls_cert is not None and config.self_signed:
        raise SettingsError("--self-signed makes a certificate, and --tls-cert names one: give one of them")
    if config.is_local:
        return
    access = AccessStore(config.folder)
    try:
        if not access.has_administrator():
            raise SettingsError(
                f"{config.host} can be reached by other machines, and there is no administrator: make one with "
                "`mien serve --make-administrator NAME`, or listen on 127.0.0.1"
            )
    finally:
        access.close()
    if not (config.has_tls or config.proxies):
        raise SettingsError(
            f"{config.host} can be reached by other machines, and passwords would cross the network in the clear: "
            "name --tls-cert and --tls-key, or --self-signed, or the --proxy in front that speaks HTTPS, or listen "
            "on 127.0.0.1"
        )


def make_administrator(folder: Path, name: str, password: str) -> None:
    """Make an account of an administrator.

    Raises:
        SettingsError: the password is too short or too long.
        ServiceError: there is an account of that name.
    """
    require_password(password)
    prepare_folder(folder)
    access = AccessStore(folder)
    try:
        access.accept(access.invite(name, "administrator")[1], password)
    finally:
        access.close()


def listen(config: ServiceConfig) -> socket.socket:
    """Take the address, so that a taken one is a sentence and not a half started service.

    Raises:
        SettingsError: it cannot be had.
    """
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    try:
        made = socket.create_server((config.host, config.port), family=family, backlog=BACKLOG)
        # asyncio turns Nagle's algorithm off for sockets that say that they are TCP, which create_server leaves out.
        # With it the body of each answer waits for the client's delayed acknowledgement of its head: 40 ms.
        return socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=made.detach())
    except OSError as reason:
        raise SettingsError(
            f"{config.host} port {config.port} cannot be listened on ({reason.strerror or reason}): choose another "
            "--port, or stop what uses it"
        ) from None


def address(config: ServiceConfig, listening: socket.socket) -> str:
    """Where a browser finds the service."""
    host = f"[{config.host}]" if ":" in config.host else config.host
    return f"{'https' if config.has_tls else 'http'}://{host}:{listening.getsockname()[1]}"


class _Server(uvicorn.Server):
    """Says when it listens, and when it stops, since answers that stay open have to end by then."""

    def __init__(
        self, config: uvicorn.Config, on_started: Callable[[], None], on_stopping: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._on_started, self._on_stopping = on_started, on_stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_stopping()
        await super().shutdown(sockets)


def _settings(config: ServiceConfig) -> dict[str, Any]:
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    return {
        "http": timed_protocol(config.limits.header_seconds),
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "timeout_keep_alive": IDLE_SECONDS,
        "timeout_graceful_shutdown": STOP_SECONDS,
        "proxy_headers": bool(config.proxies),
        "forwarded_allow_ips": list(config.proxies),
        "ssl_certfile": config.tls_cert,
        "ssl_keyfile": config.tls_key,
    }
