"""A Pub/Sub emulator: the genuine `google.pubsub.v1` over gRPC, durable in one SQLite file.

It is strict where the real service is strict, so that a mistake shows on a laptop. Not spoken: push, BigQuery and
Cloud Storage subscriptions, filters, exactly-once delivery, snapshots, seek, schemas; each is refused as UNIMPLEMENTED
rather than accepted and ignored.
"""
