"""The service of tests/service, for its client."""

from service.conftest import collins_bytes, engines, hopper_bytes, serve_app, service

__all__ = ["collins_bytes", "engines", "hopper_bytes", "serve_app", "service"]
