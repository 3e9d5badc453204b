"""Topics and subscriptions of the house. Short names; `PubsubEndpoint` makes full ones."""

from typing import Final

STEM_SEPARATE: Final = "stem-separate"
"""Recordings that wait to be separated."""

STEM_RESULTS: Final = "stem-results"
"""Progress and results of separations."""

STEM_DLQ: Final = "stem-dlq"
"""What was given up."""

STEM_SEPARATE_WORKER: Final = "stem-separate.worker"
STEM_RESULTS_API_JOBS: Final = "stem-results.api-jobs"
STEM_DLQ_API_JOBS: Final = "stem-dlq.api-jobs"

TOPIC_OF: Final = {
    STEM_SEPARATE_WORKER: STEM_SEPARATE,
    STEM_RESULTS_API_JOBS: STEM_RESULTS,
    STEM_DLQ_API_JOBS: STEM_DLQ,
}
"""The topic that each subscription receives."""

DEAD_LETTER_TOPIC_OF: Final = {STEM_SEPARATE_WORKER: STEM_DLQ, STEM_RESULTS_API_JOBS: STEM_DLQ}
"""Where a subscription's hopeless messages go; the last resort itself has none."""
