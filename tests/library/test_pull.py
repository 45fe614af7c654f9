"""Pulling from a server on 127.0.0.1: resume, verify, mirror, licence."""

import hashlib
import io
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mien.errors import CardError, DownloadError, LicenceError, ModelNotFoundError
from mien.library import pull as pulling
from mien.library import transfer
from mien.library.bundle import bundle_models
from mien.library.pull import pull, pull_recommended
from mien.models import store
from mien.models.card import ThresholdRow
from mien.models.openvino_engine import load_openvino
from mien.progress import Progress

Make = Callable[..., bytes]


class Server(ThreadingHTTPServer):
    """Serves one file, with ranges; can cut the first answers short."""

    content = b""
    cuts = 0
    ignores_ranges = False
    stalls = 0
    drip = 0.0
    slow_to_answer = False
    length: str | None = None
    ranges: list[str | None]
    released: threading.Event


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server: Server = self.server  # type: ignore[assignment]
        if not self.path.endswith("net.onnx"):
            self.send_error(404)
            return
        asked = self.headers.get("Range")
        server.ranges.append(asked)
        asked = None if server.ignores_ranges else asked
        start = int(asked.split("=")[1].rstrip("-")) if asked else 0
        if start >= len(server.content) and asked:
            self.send_error(416)
            return
        body = server.content[start:]
        if server.slow_to_answer:
            self.wfile.write(b"HTTP/1.0 200 OK\r\nX: ")
            self.wfile.flush()
            server.released.wait(20)
            return
        self.send_response(206 if asked else 200)
        if server.length != "":
            self.send_header("Content-Length", server.length or str(len(body)))
        self.end_headers()
        if server.drip:
            with suppress(OSError):
                for place in range(len(body)):
                    self.wfile.write(body[place : place + 1])
                    self.wfile.flush()
                    if server.released.wait(server.drip):
                        return
            return
        if server.stalls:
            server.stalls -= 1
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            server.released.wait(20)
            return
        if server.cuts:
            server.cuts -= 1
            self.wfile.write(body[: len(body) // 3])
            self.wfile.flush()
            self.connection.close()
            return
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Silence."""


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_HOME", str(tmp_path / "home"))


@pytest.fixture
def server(make_recognizer: Make) -> Iterator[Server]:
    running = Server(("127.0.0.1", 0), Handler)
    running.content, running.cuts, running.ranges = make_recognizer(), 0, []
    running.released = threading.Event()
    running.handle_error = lambda *arguments: None  # type: ignore[method-assign]
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.released.set()
    running.shutdown()
    running.server_close()
    thread.join()


def catalogue(tmp_path: Path, server: Server, commercial: str = "yes", more: str = "") -> Path:
    path = tmp_path / "catalogue.toml"
    path.write_text(f"""
[recommended]
models = ["net"]
settings = {{ recognizer = "net" }}

[net]
kind = "recognizer"
family = "embedding"
summary = "a test network"
use = "tests"
licence = "the test's"
commercial = "{commercial}"
training_data = "none"
record = "made by the test"
input = {{ colour = "RGB", mean = 127.5, scale = 127.5 }}
embedding = {{ mirror = true }}
sources = [[{{ {file_of(server)} }}]]
{more}
""")
    return path


def file_of(server: Server) -> str:
    digest = hashlib.sha256(server.content).hexdigest()
    address = f"http://127.0.0.1:{server.server_port}/net.onnx"
    return f'name = "net.onnx", size = {len(server.content)}, digest = "sha256:{digest}", url = "{address}"'


def test_a_pulled_model_is_verified_and_ready(tmp_path: Path, server: Server) -> None:
    seen: list[Progress] = []
    model = pull("net", catalogue=catalogue(tmp_path, server), on_progress=seen.append).model
    assert seen[-1] == Progress(stage="pulling", done=len(server.content), total=len(server.content))
    assert model.session().run([[[[0, 0, 0]] * 112] * 112])[0].shape == (1, 64)
    card = store.load("net").card
    assert card.summary == "a test network" and card.embedding is not None and card.embedding.mirror


def test_a_broken_transfer_goes_on_where_it_ended(tmp_path: Path, server: Server) -> None:
    server.cuts = 2
    table = catalogue(tmp_path, server)
    for _ in range(2):
        with pytest.raises(DownloadError, match="bytes are kept, and the same command continues"):
            pull("net", catalogue=table)
    pull("net", catalogue=table)
    first, second, third = server.ranges
    third_of = len(server.content) // 3
    assert first is None and second == f"bytes={third_of}-"
    assert third == f"bytes={third_of + (len(server.content) - third_of) // 3}-"


def test_a_server_that_is_not_there_is_not_said_to_have_given_0_bytes(tmp_path: Path, server: Server) -> None:
    table = catalogue(tmp_path, server)
    with pytest.raises(DownloadError, match="Another way: --mirror URL") as failed:
        pull("net", catalogue=table, mirror="http://127.0.0.1:9")
    assert "bytes are kept" not in str(failed.value)


def test_a_server_that_ignores_ranges_is_read_from_the_beginning(tmp_path: Path, server: Server) -> None:
    """It answers 200 with the whole file to a request for the rest: what had come is not put before it."""
    server.cuts, server.ignores_ranges = 1, True
    table, seen = catalogue(tmp_path, server), list[Progress]()
    with pytest.raises(DownloadError, match="bytes are kept"):
        pull("net", catalogue=table)
    model = pull("net", catalogue=table, on_progress=seen.append).model
    assert server.ranges == [None, f"bytes={len(server.content) // 3}-"]
    assert (model.folder / "model.onnx").read_bytes() == server.content
    assert seen[-1].done == seen[-1].total == len(server.content)


def test_a_file_that_had_come_whole_is_used_without_another_transfer(tmp_path: Path, server: Server) -> None:
    table = catalogue(tmp_path, server)
    partial = store.home() / "downloads" / f"net.onnx-{hashlib.sha256(server.content).hexdigest()[:12]}.part"
    partial.parent.mkdir(parents=True, exist_ok=True)
    partial.write_bytes(server.content)
    assert (pull("net", catalogue=table).model.folder / "model.onnx").read_bytes() == server.content
    assert not partial.exists()


def test_a_server_that_falls_silent_is_given_up_and_what_has_come_is_kept(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "TIMEOUT", 0.3)
    server.stalls, table = 1, catalogue(tmp_path, server)
    half, started = len(server.content) // 2, time.monotonic()
    with pytest.raises(DownloadError, match="bytes are kept, and the same command continues"):
        pull("net", catalogue=table)
    assert time.monotonic() - started < 10
    (partial,) = (store.home() / "downloads").iterdir()
    kept = partial.stat().st_size
    assert 0 < kept <= half
    pull("net", catalogue=table)
    assert server.ranges == [None, f"bytes={kept}-"]


def test_progress_is_reported_as_the_bytes_come(tmp_path: Path, server: Server) -> None:
    server.content = server.content + bytes(3 * transfer.CHUNK)
    seen = list[Progress]()
    with pytest.raises(CardError):
        pull("net", catalogue=catalogue(tmp_path, server), on_progress=seen.append)
    assert [one.done for one in seen] == sorted({one.done for one in seen}) and len(seen) >= 3
    assert {one.total for one in seen} == {len(server.content)}


def test_other_bytes_are_not_used(tmp_path: Path, server: Server) -> None:
    table = catalogue(tmp_path, server)
    server.content = server.content[:-1] + b"x"
    store.remove("net") if store.is_stored("net") else None
    with pytest.raises(DownloadError, match="it was not used"):
        pull("net", catalogue=table)
    assert not store.is_stored("net")
    assert not list((store.home() / "downloads").iterdir())


def test_a_mirror_serves_instead(tmp_path: Path, server: Server) -> None:
    table = catalogue(tmp_path, server)
    table.write_text(table.read_text().replace(f"127.0.0.1:{server.server_port}", "127.0.0.1:1"))
    with pytest.raises(DownloadError, match="Another way: --mirror"):
        pull("net", catalogue=table)
    pull("net", catalogue=table, mirror=f"http://127.0.0.1:{server.server_port}/models/")
    with pytest.raises(DownloadError, match="not an http or https address"):
        pull("net", catalogue=table, mirror="file:///etc/passwd")


def test_a_folder_or_a_file_on_disk_serves_instead(tmp_path: Path, server: Server) -> None:
    table, folder = catalogue(tmp_path, server), tmp_path / "files"
    folder.mkdir()
    with pytest.raises(DownloadError, match=r"does not hold net: copy net\.onnx there"):
        pull("net", catalogue=table, origin=folder)
    (folder / "net.onnx").write_bytes(server.content)
    assert pull("net", catalogue=table, origin=folder).model.card.name == "net"
    (folder / "net.onnx").rename(folder / "renamed.bin")
    (folder / "another.bin").write_bytes(bytes(len(server.content)))
    assert pull("net", catalogue=table, origin=folder).model.card.name == "net"
    other = tmp_path / "here.bin"
    other.write_bytes(server.content)
    assert pull("net", catalogue=table, origin=other).model.card.name == "net"
    other.write_bytes(b"x")
    with pytest.raises(DownloadError, match="it was not used"):
        pull("net", catalogue=table, origin=other)
    assert server.ranges == []


def test_a_file_of_another_size_is_refused_before_it_comes(tmp_path: Path, server: Server) -> None:
    table = catalogue(tmp_path, server)
    server.content = server.content + b"more"
    with pytest.raises(DownloadError, match="the catalogue says"):
        pull("net", catalogue=table)
    assert not list((store.home() / "downloads").iterdir())


def test_a_bundle_serves_instead_without_a_catalogue_or_a_network(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pull("net", catalogue=catalogue(tmp_path, server)).model
    bundle = bundle_models(tmp_path / "models.zip", ["net"]).file
    monkeypatch.setenv("MIEN_HOME", str(tmp_path / "another"))
    again = pull("net", origin=bundle).model
    assert again.card == first.card and again.folder != first.folder


def test_the_recommended_models_become_the_default(tmp_path: Path, server: Server) -> None:
    settings = tmp_path / "config" / "settings.toml"
    done = pull_recommended(catalogue=catalogue(tmp_path, server), settings=settings)
    assert [one.model.card.name for one in done.models] == ["net"]
    assert done.defaults == {"recognizer": "net"} and settings.read_text() == 'recognizer = "net"\n'


def test_no_setting_is_changed_when_no_recommended_model_can_be_had(tmp_path: Path, server: Server) -> None:
    settings, table = tmp_path / "settings.toml", catalogue(tmp_path, server)
    server.content = b"another file"
    with pytest.raises(DownloadError, match=r"copy net\.onnx there.*the catalogue says"):
        pull_recommended(catalogue=table, settings=settings, origin=tmp_path)
    assert not settings.exists()


def test_what_is_not_in_the_folder_comes_from_the_network_and_what_is_nowhere_is_named(
    tmp_path: Path, server: Server
) -> None:
    other = catalogue(tmp_path, server).read_text().partition("[net]")[2].replace("net.onnx", "other.onnx")
    table = catalogue(tmp_path, server, more="[other]" + other)
    table.write_text(
        table.read_text()
        .replace('models = ["net"]', 'models = ["net", "other"]')
        .replace('recognizer = "net"', 'recognizer = "net", detector = "other"')
    )
    settings = tmp_path / "settings.toml"
    done = pull_recommended(catalogue=table, settings=settings, origin=tmp_path)
    assert [one.model.card.name for one in done.models] == ["net"] and "other.onnx" in done.missing["other"]
    assert done.defaults == {"recognizer": "net"} and "detector" not in settings.read_text()


def test_figures_of_the_shipped_card_hold_only_for_the_weights_that_were_measured(
    tmp_path: Path, server: Server, make_recognizer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The card that ships was measured with these weights; then other weights come under the same name."""
    row = ThresholdRow(value=0.4, unit="cosine", fmr=1e-3, protocol="a test")
    first = pull("net", catalogue=catalogue(tmp_path, server))
    shipped = first.model.card.model_copy(update={"thresholds": (row,)})
    monkeypatch.setattr(pulling, "has_shipped_card", lambda name: name == "net")
    monkeypatch.setattr(pulling, "shipped_card", lambda name: shipped)
    same = pull("net", catalogue=catalogue(tmp_path, server))
    assert same.model.card.thresholds == (row,) and not same.remark
    server.content = make_recognizer(seed=1)
    other = pull("net", catalogue=catalogue(tmp_path, server))
    assert not other.model.card.thresholds
    assert "other weights than those that were measured" in other.remark and "calibrate" in other.remark


def test_a_member_of_an_archive_is_checked_and_used(tmp_path: Path, server: Server) -> None:
    table, network = catalogue(tmp_path, server), server.content
    text = (
        table.read_text().replace(f"size = {len(network)}, ", "").replace("url =", 'member = "pack/net.onnx", url =')
    )
    table.write_text(text)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("pack/net.onnx", network)
    server.content = buffer.getvalue()
    assert pull("net", catalogue=table).model.card.name == "net"
    server.content = b"no archive"
    with pytest.raises(DownloadError, match=r"the archive with pack/net\.onnx is damaged .*it was not used"):
        pull("net", catalogue=table)


def test_ir_comes_as_two_files_with_sha384(tmp_path: Path, server: Server) -> None:
    openvino = load_openvino()
    folder = tmp_path / "ir"
    folder.mkdir()
    openvino.save_model(openvino.Core().read_model(server.content), str(folder / "net.xml"))
    files = ", ".join(
        f'{{ name = "{path.name}", digest = "sha384:{hashlib.sha384(path.read_bytes()).hexdigest()}" }}'
        for path in sorted(folder.iterdir())
    )
    table = catalogue(tmp_path, server)
    table.write_text(table.read_text().replace(f"[[{{ {file_of(server)} }}]]", f"[[{files}]]"))
    model = pull("net", catalogue=table, origin=folder).model
    assert model.card.files["model"].converted_from is not None
    with pytest.raises(DownloadError, match="no address with a checksum is on record"):
        pull("net", catalogue=table)


def test_research_only_weights_need_their_licence_accepted(tmp_path: Path, server: Server) -> None:
    table = catalogue(tmp_path, server, commercial="no")
    with pytest.raises(LicenceError, match=r"the test's.*--accept-licence"):
        pull("net", catalogue=table)
    assert server.ranges == []
    pull("net", catalogue=table, accept_licence=True)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ModelNotFoundError, match="arcface-r50"):
        pull("nobody")


def test_a_byte_now_and_then_ends_with_a_sentence_and_is_kept(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A drip of one byte each 0.2 s went on for ever: the time limit of a socket begins again with every byte."""
    monkeypatch.setattr(transfer, "WINDOW", 0.5)
    server.drip, table, began = 0.02, catalogue(tmp_path, server), time.monotonic()
    with pytest.raises(DownloadError, match=r"only \d+ bytes came in \d+ seconds\); \d+ bytes are kept"):
        pull("net", catalogue=table)
    assert time.monotonic() - began < 10
    server.drip = 0.0
    assert pull("net", catalogue=table).model.card.name == "net"
    assert server.ranges[-1] is not None, "it continued from where it was"


def test_headers_that_never_end_are_given_up(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "ANSWER_SECONDS", 0.5)
    server.slow_to_answer = True
    with pytest.raises(DownloadError, match="no answer within 0 seconds"):
        pull("net", catalogue=catalogue(tmp_path, server))


def test_a_transfer_without_a_size_is_bounded_too(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "MAX_TRANSFER", 1000)
    table = catalogue(tmp_path, server)
    table.write_text(table.read_text().replace(f"size = {len(server.content)}, ", ""))
    with pytest.raises(DownloadError, match="no model has more than 1000: it is another file"):
        pull("net", catalogue=table)
    server.length = ""
    with pytest.raises(DownloadError, match="more than 1000 bytes came"):
        pull("net", catalogue=table)


def test_a_disk_without_room_is_noticed_before_the_transfer(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 10})())
    with pytest.raises(DownloadError, match=r"needs \d+ bytes, and .*downloads has room for 10: free some space"):
        pull("net", catalogue=catalogue(tmp_path, server))
