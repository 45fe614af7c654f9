"""Operations on webhooks: add, list and delete them. Only an administrator may. Sends nothing."""

from typing import Annotated, get_args

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from mien.service.answers import Answer
from mien.service.auditing import note
from mien.service.auth.callers import Caller, needs
from mien.service.bodies import RequestModel, body
from mien.service.idempotency import WriteRoute
from mien.service.operations import takes
from mien.service.routes.access import Name
from mien.service.routes.galleries import gallery_for
from mien.service.state import in_thread
from mien.service.times import time_text
from mien.service.webhook_store import Webhook
from mien.service.webhooks import Webhooks
from mien.watch.events import Kind

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], route_class=WriteRoute)

WebhookId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$", description="Opaque id of a webhook.")]
Administrator = Annotated[Caller, Depends(needs("access"))]
KINDS: tuple[Kind, ...] = get_args(Kind)


class WebhookAnswer(Answer):
    """A webhook. Of its address only the host is shown."""

    id: str
    name: str
    gallery: str
    host: str
    """Scheme, host and port of its address."""
    events: list[str]
    """The kinds of events that it gets."""
    created: str
    waiting: int
    """Deliveries that are to be sent, or sent again."""
    delivered: int
    given_up: int
    """Deliveries that were dropped after 24 hours, or since too many waited."""
    reached: str | None
    """When it took the last one."""
    problem: str
    """Why the last try failed; empty where it did not."""


class WebhooksAnswer(Answer):
    """All webhooks of galleries that the caller may see, by name."""

    webhooks: list[WebhookAnswer]


class AddWebhookRequest(RequestModel):
    """A new webhook."""

    name: Name
    gallery: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    """The id of the gallery whose cameras' events it gets."""
    address: Annotated[str, Field(min_length=8, max_length=2000, pattern=r"^[\x21-\x7e]+$")]
    """Where events are sent; it is encrypted, and only its host is shown again."""
    events: Annotated[list[Kind], Field(min_length=1, max_length=len(KINDS))] | None = None
    """The kinds of events that it gets; by default all."""


class NewWebhookAnswer(Answer):
    """A webhook that was just added. The secret is shown this once."""

    webhook: WebhookAnswer
    secret: str
    """The key of the signatures in the header Mien-Signature."""


class WebhookDeletedAnswer(Answer):
    """The webhook and what waited for it are gone."""

    id: str


@router.get("", operation_id="list_webhooks")
async def list_webhooks(request: Request, caller: Administrator) -> WebhooksAnswer:
    """List webhooks, with what waits for them."""
    found = await in_thread(_webhooks(request).store.all)
    mine = [one for one in found if caller.galleries is None or one.gallery in caller.galleries]
    return WebhooksAnswer(webhooks=[_webhook(one) for one in mine])


@router.post("", operation_id="add_webhook", status_code=201, openapi_extra=takes(AddWebhookRequest))
async def add_webhook(
    request: Request, caller: Administrator, asked: Annotated[AddWebhookRequest, Depends(body(AddWebhookRequest))]
) -> NewWebhookAnswer:
    """Send the events of a gallery's cameras, from now on, to an address that the operator allowed."""
    gallery = gallery_for(request, caller, asked.gallery)
    note(request.state, gallery=gallery.id)
    kinds = [one for one in KINDS if one in (asked.events or KINDS)]
    webhook, secret = await in_thread(_webhooks(request).add, asked.name, gallery.id, asked.address, kinds)
    return NewWebhookAnswer(webhook=_webhook(webhook), secret=secret)


@router.delete("/{webhook_id}", operation_id="delete_webhook")
async def delete_webhook(request: Request, webhook_id: WebhookId, caller: Administrator) -> WebhookDeletedAnswer:
    """Delete a webhook with what waits for it."""
    store = _webhooks(request).store
    webhook = await in_thread(store.find, webhook_id)
    caller.require_gallery(webhook.gallery)
    note(request.state, gallery=webhook.gallery)
    await in_thread(store.delete, webhook.id)
    return WebhookDeletedAnswer(id=webhook.id)


def _webhooks(request: Request) -> Webhooks:
    webhooks: Webhooks = request.app.state.webhooks
    return webhooks


def _webhook(one: Webhook) -> WebhookAnswer:
    return WebhookAnswer(
        id=one.id,
        name=one.name,
        gallery=one.gallery,
        host=one.host,
        events=list(one.events),
        created=time_text(one.created),
        waiting=one.waiting,
        delivered=one.delivered,
        given_up=one.given_up,
        reached=None if one.reached is None else time_text(one.reached),
        problem=one.problem,
    )
