"""The web pages: server-rendered shells in the reader's language, and small ES modules that call the API.

Nothing comes from another machine, nothing is inline, and every sentence is a message of the catalogues. The pages
may do what the API lets their reader do, and no more.
"""

from mien.service.pages.routes import PAGE_ROUTES

__all__ = ["PAGE_ROUTES"]
