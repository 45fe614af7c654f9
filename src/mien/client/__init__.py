"""A typed client of the recognition service: one method per operation, answers as typed dictionaries.

Knows the service's addresses and nothing of its insides; needs httpx alone. See docs/guide/service.md.
"""

from mien.client.client import Client
from mien.client.transport import RefusedError
from mien.client.webhooks import is_signed

__all__ = ["Client", "RefusedError", "is_signed"]
