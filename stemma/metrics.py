"""A process's Prometheus metrics over HTTP."""

from stemma.settings import Settings


def serve_metrics(settings: Settings) -> None:
    """Serve them at METRICS_HOST and METRICS_PORT, in a thread of their own; port 0 turns them off."""
    if settings.metrics_port:
        from prometheus_client import start_http_server

        start_http_server(settings.metrics_port, addr=settings.metrics_host)
