"""The index of an open gallery, in step with its store, also when another process writes.

One thread at a time brings it up to date; all of them search, each in the view that was up to date when it asked.
"""

from threading import Lock

from mien.errors import ContractError
from mien.gallery.indexes import INDEXES, choose_index
from mien.gallery.indexes.base import Index
from mien.gallery.stores.base import BLOCK, Store


class LiveIndex:
    """What a store holds, as an index in memory. Safe to call from several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._forget()

    def _forget(self) -> None:
        self._index: Index | None = None
        self._kind = ""
        self._last_id = self._last_removal = 0

    def current(self) -> Index:
        """A view of all that is enrolled now; the index is built, brought up to date, or built again as another kind.

        Raises:
            ContractError: another process has embedded the gallery again.
        """
        own = self._store.searcher()
        if own is not None:
            self._require_same_model()
            return own
        return self.in_memory()

    def in_memory(self) -> Index:
        """The same, in memory also where the store searches itself.

        Raises:
            ContractError: another process has embedded the gallery again.
        """
        with self._lock:
            index = self._caught_up()
            if len(index) > INDEXES[self._kind].capacity:
                self._forget()
                index = self._caught_up()
            return index

    def forget_removed(self) -> bool:
        """Overwrite in memory what was removed from the store, if there is an index yet; say whether anything was."""
        with self._lock:
            before = self._last_removal
            if self._index is not None:
                self._caught_up()
            return self._last_removal > before

    def _require_same_model(self) -> None:
        identity = self._store.current_identity()
        if identity != self._store.identity:
            raise ContractError(
                f"{self._store.address} was embedded again with {identity.model} by another process: open it again"
            )

    def _caught_up(self) -> Index:
        self._require_same_model()
        while True:
            changes = self._store.changes(self._last_id, self._last_removal)
            index = self._index
            if index is None:
                self._kind = choose_index(self._store.count() if len(changes.ids) else 0)
                build = INDEXES[self._kind].build
                index = build(changes.ids, changes.embeddings, self._store.identity.metric, self._store.embeddings)
            else:
                if len(changes.removed):
                    index = index.remove(changes.removed)
                if len(changes.ids):
                    index = index.add(changes.ids, changes.embeddings)
            self._index, self._last_removal = index, changes.last_removal
            self._last_id = int(changes.ids[-1]) if len(changes.ids) else self._last_id
            if len(changes.ids) < BLOCK:
                return index
