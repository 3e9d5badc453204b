"""What operators watch; `stemma.metrics` serves it."""

from prometheus_client import Counter, Gauge, Histogram


class Metrics:
    """All metrics of the process; `stalled` says which side the indexer waits for."""

    def __init__(self) -> None:
        self.head = Gauge("stemma_indexer_node_head_block", "Newest block of the node")
        self.applied = Gauge("stemma_indexer_applied_block", "Block up to which the index is complete")
        self.finalized = Gauge("stemma_indexer_finalized_block", "Newest block that the node calls final")
        self.lag = Gauge("stemma_indexer_lag_blocks", "Blocks between the node's head and the index")
        self.delay = Histogram(
            "stemma_indexer_visible_seconds",
            "From seeing a new block to its rows being visible",
            buckets=(0.005, 0.01, 0.02, 0.03, 0.06, 0.1, 0.3, 1, 3, 10),
        )
        self.events = Counter("stemma_indexer_events", "Logs applied, by event", ["event"])
        self.reorgs = Counter("stemma_indexer_reorgs", "Reorgs undone")
        self.reorg_depth = Histogram(
            "stemma_indexer_reorg_depth_blocks", "Blocks undone by a reorg", buckets=(1, 2, 3, 5, 10, 30, 64, 300, 1000)
        )
        self.stalled_on_fetch = Counter(
            "stemma_indexer_stalled_on_fetch_seconds", "Time the writer waited for the node"
        )
        self.stalled_on_write = Counter(
            "stemma_indexer_stalled_on_write_seconds", "Time fetched blocks waited to be written"
        )
        self.rpc_calls = Counter("stemma_indexer_rpc_calls", "JSON-RPC calls sent, by method", ["method"])
        self.rpc_faults = Counter("stemma_indexer_rpc_faults", "Useless answers, by endpoint", ["endpoint"])
        self.rpc_untruths = Counter("stemma_indexer_rpc_untruths", "Answers that cannot be true", ["endpoint"])
        self.bloom_doubts = Counter(
            "stemma_indexer_bloom_doubts", "Blocks whose bloom held one of our events although there was none"
        )
        self.head_notices = Counter("stemma_indexer_head_notices", "New heads told by a websocket")
        self.leading = Gauge("stemma_indexer_leading", "1 while this process writes, 0 while it stands by")
        self.documents = Counter("stemma_indexer_documents", "Attempts to fetch a document, by outcome", ["outcome"])


METRICS = Metrics()
