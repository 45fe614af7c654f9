"""What refuses a start, in one sentence."""

import asyncio
import socket
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from mien.errors import SettingsError
from mien.service.config import ServiceConfig
from mien.service.serving import address, listen, make_administrator, prepare_folder, require_safe_start


def test_a_taken_port_is_one_sentence_with_the_option(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = ServiceConfig(folder=tmp_path, port=taken.getsockname()[1])
        with pytest.raises(SettingsError, match="choose another --port"):
            listen(config)


def test_the_address_has_the_port_that_was_free(tmp_path: Path) -> None:
    config = ServiceConfig(folder=tmp_path, port=0)
    with listen(config) as taken:
        assert address(config, taken) == f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_no_answer_waits_40_ms_for_the_acknowledgement_of_its_head(tmp_path: Path) -> None:
    """Each answer is sent in two parts, and Nagle's algorithm keeps the second one back."""
    delayed: list[bool] = []

    class Answering(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            accepted = transport.get_extra_info("socket")
            delayed.append(not accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            transport.close()

    async def connect() -> None:
        with listen(ServiceConfig(folder=tmp_path, port=0)) as listening:
            server = await asyncio.get_running_loop().create_server(Answering, sock=listening)
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            assert await reader.read() == b""
            writer.close()
            server.close()

    asyncio.run(connect())
    assert delayed == [False]


def test_only_the_owner_can_read_the_folder(tmp_path: Path) -> None:
    prepare_folder(tmp_path / "a" / "b")
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700


def test_other_machines_need_an_administrator_and_encryption(tmp_path: Path) -> None:
    outside = ServiceConfig(folder=tmp_path, host="0.0.0.0")
    with pytest.raises(SettingsError, match="--make-administrator"):
        require_safe_start(outside)
    make_administrator(tmp_path, "An", "correct horse")
    with pytest.raises(SettingsError, match="--tls-cert"):
        require_safe_start(outside)
    require_safe_start(replace(outside, proxies=("10.0.0.1",)))
    require_safe_start(replace(outside, tls_cert=Path("c"), tls_key=Path("k")))
    require_safe_start(replace(outside, host="127.0.0.1"))
    with pytest.raises(SettingsError, match="belong together"):
        require_safe_start(replace(outside, tls_cert=Path("c")))
