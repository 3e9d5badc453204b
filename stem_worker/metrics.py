"""What a worker counts, for Prometheus."""

from prometheus_client import Counter, Histogram

JOBS = Counter("stemma_worker_jobs_total", "Separation jobs by how they ended", ["outcome"])
STAGE_SECONDS = Histogram(
    "stemma_worker_stage_seconds", "Seconds per stage of a job", ["stage"], buckets=(0.1, 0.5, 1, 5, 15, 60, 300, 1200)
)
