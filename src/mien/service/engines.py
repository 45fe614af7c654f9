"""The models of a service, opened once, and their threads. Owns what a request's work runs on; knows no route.

A use case gets a pipeline whose images go through the shared queue (mien.service.model_queue), so that it runs here
as it runs in a command. Its own thread waits meanwhile; when the client hangs up, what still waits is taken out.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from starlette.requests import Request

from mien.detect.families import built_in
from mien.models import store
from mien.models.card import ModelCard
from mien.pipeline import CHUNK, Analysis, Budget, Item, Pipeline, Policy, ReadOptions, open_pipeline
from mien.pipeline.items import as_item
from mien.portrait.examine import Examined, Examiner
from mien.portrait.measures.portrait_models import open_portrait_models
from mien.recognize.recognizer import Recognizer
from mien.service.config import ServiceConfig
from mien.service.errors import ClientGoneError
from mien.service.metrics import Metrics
from mien.service.model_queue import ModelQueue

T = TypeVar("T")

LARGE = 6_000_000
"""An image of more pixels goes through the models alone, and never holds up the last free thread."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is done with images.

    Attributes:
        kind: find faces, embed them, or measure a portrait.
        cutouts: see Pipeline.analyse.
        only: see Pipeline.analyse.
    """

    kind: Literal["detect", "embed", "portrait"]
    cutouts: bool = False
    only: Policy | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SizedItem(Item):
    """An image whose header was read.

    Attributes:
        pixels: width times height.
    """

    pixels: int = 0


class Ticket:
    """The images of one request that wait, so that they can be taken out of the queue."""

    def __init__(self) -> None:
        self._waiting: list[Future[Any]] = []
        self._gone = False

    def add(self, future: "Future[Any]") -> None:
        """Wait for one more image.

        Raises:
            ClientGoneError: nobody waits for the answer.
        """
        self._waiting.append(future)
        if self._gone:
            future.cancel()
            raise ClientGoneError

    def cancel(self) -> None:
        """Take everything that is not in work yet out of the queue, and let nothing more in."""
        self._gone = True
        for future in self._waiting:
            future.cancel()


class SharedPipeline(Pipeline):
    """The service's pipeline, for one request: images go through the queue that all requests share."""

    def __init__(self, engines: "Engines", ticket: Ticket, recognizer: Recognizer | None) -> None:
        super().__init__(engines.pipeline.detector, recognizer, reading=engines.reading)
        self._engines, self._ticket = engines, ticket

    def analyse(
        self, sources: Iterable[Path | Item], *, cutouts: bool = False, only: Policy | None = None
    ) -> Iterator[Analysis]:
        """Analyse images in their order; see Pipeline.analyse."""
        yield from self.analyse_chunk([as_item(one) for one in sources], cutouts=cutouts, only=only)

    def analyse_chunk(
        self, items: Sequence[Item], *, cutouts: bool = False, only: Policy | None = None
    ) -> list[Analysis]:
        """Analyse images; see Pipeline.analyse_chunk."""
        kind: Literal["detect", "embed"] = "detect" if self.recognizer is None else "embed"
        return self._all(Task(kind, cutouts, only), items)

    def examine(self, items: Sequence[Item]) -> list[Examined]:
        """Measure portraits; see mien.portrait.examine."""
        return self._all(Task("portrait"), items)

    def without_recognizer(self) -> "SharedPipeline":
        """The same that finds faces only."""
        return SharedPipeline(self._engines, self._ticket, None)

    def _all(self, task: Task, items: Sequence[Item]) -> list[Any]:
        futures = []
        for group in self._engines.groups(items):
            future = self._engines.submit(task, group)
            self._ticket.add(future)
            futures.append(future)
        try:
            return [result for future in futures for result in future.result()]
        except CancelledError:
            raise ClientGoneError from None


class Engines:
    """The opened models, the queue in front of them, and the threads in which requests wait.

    Args:
        config: which models.

    Raises:
        ModelError: a model cannot be opened.
    """

    def __init__(self, config: ServiceConfig) -> None:
        self.reading = ReadOptions(budget=Budget(), limits=config.limits.of_images)
        self.pipeline = open_pipeline(
            config.detector, config.recognizer, config.options, many=True, reading=self.reading
        )
        assert self.pipeline.recognizer is not None
        self.recognizer = self.pipeline.recognizer
        self._detection = Pipeline(self.pipeline.detector, None, reading=self.reading)
        models = open_portrait_models(config.portrait_models, config.options)
        self.cards = (self.recognizer.card, *_cards_of((config.detector, *config.portrait_models)))
        self._examiner = Examiner(self.pipeline.detector, None, models)
        self.queue = ModelQueue(self.pipeline.workers)
        self._threads = ThreadPoolExecutor(config.limits.requests, "mien-request")

    @property
    def card(self) -> ModelCard:
        """The card of the recognizer."""
        return self.recognizer.card

    @property
    def detector_name(self) -> str:
        """The name of the detector."""
        return self.pipeline.detector.name

    def close(self) -> None:
        """Finish what is in work, and stop."""
        self.queue.close()
        self._threads.shutdown()

    def groups(self, items: Sequence[Item]) -> Iterator[list[Item]]:
        """Images of one request in the groups in which they go through the models: shared out between the threads.

        Images of several requests do not go together: see docs/decisions/0039-one-request-at-a-time.md.
        """
        share = min(CHUNK, -(-len(items) // self.queue.threads))
        group: list[Item] = []
        for item in items:
            if group and (len(group) == share or _is_large(item) or _is_large(group[0])):
                yield group
                group = []
            group.append(item)
        if group:
            yield group

    def submit(self, task: Task, items: list[Item]) -> "Future[Sequence[Any]]":
        """Queue images that go together."""
        return self.queue.submit(partial(self._work, task, items), len(items), large=_is_large(items[0]))

    def _work(self, task: Task, items: Sequence[Item]) -> Sequence[Any]:
        if task.kind == "portrait":
            return list(self._examiner.items(items))
        if task.kind == "detect":
            return self._detection.analyse_chunk(items)
        return self.pipeline.analyse_chunk(items, cutouts=task.cutouts, only=task.only)

    async def run(self, request: Request, work: Callable[[SharedPipeline], T]) -> T:
        """Run the work of a request in a thread, for as long as its client waits.

        Args:
            request: whose body was read.
            work: takes the pipeline.

        Raises:
            ClientGoneError: the client hung up.
        """
        ticket = Ticket()
        pipeline = SharedPipeline(self, ticket, self.recognizer)
        metrics: Metrics = request.app.state.metrics

        def timed() -> T:
            began = time.monotonic()
            try:
                return work(pipeline)
            finally:
                metrics.time("work", time.monotonic() - began)

        job: asyncio.Future[T] = asyncio.get_running_loop().run_in_executor(self._threads, timed)
        gone = asyncio.create_task(_hung_up(request))
        try:
            waited: set[asyncio.Future[Any]] = {job, gone}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if not job.done():
                ticket.cancel()
            return await job
        finally:
            gone.cancel()


def _is_large(item: Item) -> bool:
    return isinstance(item, SizedItem) and item.pixels > LARGE


async def _hung_up(request: Request) -> None:
    """Wait until the client closes the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _cards_of(names: Sequence[str]) -> list[ModelCard]:
    """The cards of models by their names; detectors that are built into libraries have none."""
    return [store.load(name).card for name in names if name not in built_in()]
