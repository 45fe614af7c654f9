"""An administrator adds a webhook, and what happens before a camera arrives there, signed, over a restart."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi import FastAPI

from mien.client import Client, RefusedError, is_signed
from mien.models import store
from mien.models.defaults import DEFAULT_RECOGNIZER
from mien.service import webhooks
from mien.service.app import create_app
from mien.service.config import ServiceConfig
from service.receiver import receiving

Serve = Callable[..., AbstractContextManager[str]]
EVENT = {"event": "appeared", "track": 1, "outcome": "unknown", "reasons": []}


@contextmanager
def serving(folder: Path, serve_app: Serve, *networks: str) -> Iterator[tuple[FastAPI, str]]:
    card = store.load(DEFAULT_RECOGNIZER).card
    engines = SimpleNamespace(card=card, queue=SimpleNamespace(waiting=0), close=lambda: None)
    config = ServiceConfig(folder=folder, port=0, webhook_networks=networks)
    app = create_app(config, engines)  # type: ignore[arg-type]
    with serve_app(app, config) as address:
        yield app, address


def test_from_adding_a_webhook_to_a_delivery_after_a_restart(
    tmp_path: Path, serve_app: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "ROUND", 0.02)
    monkeypatch.setattr(webhooks, "WAITS", (0.02,))
    monkeypatch.setattr(webhooks, "RESTS", (0.02,))
    with receiving() as receiver:
        receiver.statuses += [503]
        with serving(tmp_path, serve_app) as (app, address), Client(address) as client:
            gallery = client.create_gallery("Door")["id"]
            target = f"http://127.0.0.1:{receiver.port}/in?token=hidden-token"
            with pytest.raises(RefusedError, match="--webhook-network"):
                client.add_webhook("Desk", gallery, target)
        with serving(tmp_path, serve_app, "127.0.0.1") as (app, address), Client(address) as client:
            camera = app.state.cameras.store.add("Door", gallery, "rtsp://10.0.0.7/door", "fmr:1e-4").id
            added = client.add_webhook("Desk", gallery, target, events=["appeared"])
            (listed,) = client.list_webhooks()["webhooks"]
            assert listed == added["webhook"] and listed["host"] == f"http://127.0.0.1:{receiver.port}"
            assert "hidden-token" not in str(listed) and added["secret"] not in str(listed)
            app.state.cameras.store.add_event(camera, time.time(), EVENT)
            assert receiver.came.acquire(timeout=20)
        with serving(tmp_path, serve_app, "127.0.0.1") as (app, address), Client(address) as client:
            app.state.cameras.store.add_event(camera, time.time(), {**EVENT, "track": 2})
            while [json.loads(body)["track"] for _, _, body in receiver.seen][-1:] != [2]:
                assert receiver.came.acquire(timeout=20)
            while client.list_webhooks()["webhooks"][0]["delivered"] != 2:
                time.sleep(0.01)
            assert 'mien_webhook_deliveries_total{outcome="delivered"}' in (text := client.get_metrics())
            assert "mien_webhook_deliveries_waiting 0.0" in text
            client.delete_webhook(added["webhook"]["id"])
            assert client.list_webhooks() == {"webhooks": []}
    tracks = [json.loads(body)["track"] for _, _, body in receiver.seen]
    assert tracks == [1, 1, 2], "the first one was tried again, and nothing came twice"
    _, headers, body = receiver.seen[0]
    assert is_signed(added["secret"], headers["mien-signature"], body)
    assert not is_signed(added["secret"], headers["mien-signature"], body + b" ")


def test_only_administrators_have_to_do_with_webhooks_and_each_with_those_of_own_galleries(
    tmp_path: Path, serve_app: Serve
) -> None:
    with serving(tmp_path, serve_app, "10.0.0.0/8") as (app, address):
        with Client(address) as client:
            gallery = client.create_gallery("Door")["id"]
            webhook = client.add_webhook("Desk", gallery, "http://10.0.0.8/in")["webhook"]
            for problem in ("http://10.0.0.8/ü", "ftp://10.0.0.8/", "http://11.0.0.8/"):
                with pytest.raises(RefusedError):
                    client.add_webhook("Desk", gallery, problem)
        keys = app.state.access
        officer = keys.create_key("officer", ("read", "recognize", "erase"), None, time.time() + 3600)[1]
        tenant = keys.create_key("tenant", ("access",), ["1" * 32], time.time() + 3600)[1]
        with Client(address, officer) as client:
            with pytest.raises(RefusedError, match="'access'"):
                client.list_webhooks()
            with pytest.raises(RefusedError, match="'access'"):
                client.add_webhook("Desk", gallery, "http://10.0.0.8/in")
        with Client(address, tenant) as client:
            assert client.list_webhooks() == {"webhooks": []}
            for refused in (
                lambda: client.delete_webhook(webhook["id"]),
                lambda: client.add_webhook("Desk", gallery, "http://10.0.0.8/in"),
            ):
                with pytest.raises(RefusedError) as caught:
                    refused()
                assert caught.value.status == 404
