"""Which leaves of the anchored batches count: what the other queries say of recordings separated off chain.

A leaf counts as version 0 of a recording that was registered in an earlier block than the batch was anchored and that
has no separation on chain; the first by (block, log, leaf) does. Its document must make up the root, and hold as many
leaves, as the chain says.
"""

ANCHORED_LEAVES = """
content.batch_leaves f
join content.batches c on c.digest = f.digest and c.codec = f.codec
join {chain}.batches b
    on b.manifest_digest = c.digest and b.manifest_codec = c.codec and b.root = c.root and b.count = c.leaves
"""
"""Every leaf ``f`` of a resolved document ``c`` that is what batch ``b`` anchored."""

COUNTING_LEAVES = f"""
{ANCHORED_LEAVES}
join {{chain}}.recordings r
    on r.recording_id = f.recording_id and r.version is null and r.block_number < b.block_number
    and not exists (
        select from content.batch_leaves f2
        join content.batches c2 on c2.digest = f2.digest and c2.codec = f2.codec
        join {{chain}}.batches b2
            on b2.manifest_digest = c2.digest and b2.manifest_codec = c2.codec
            and b2.root = c2.root and b2.count = c2.leaves
        where f2.recording_id = f.recording_id and b2.block_number > r.block_number
            and (b2.block_number, b2.log_index, f2.leaf) < (b.block_number, b.log_index, f.leaf)
    )
"""
"""Every leaf ``f`` that counts, with its batch ``b`` and its recording ``r``."""

COUNTING_LEAF_OF_R = f"""
select b.root, b.attestor, b.anchored_at, b.block_number, b.log_index, f.*
from {ANCHORED_LEAVES}
where f.recording_id = r.recording_id and r.version is null and b.block_number > r.block_number
order by b.block_number, b.log_index, f.leaf limit 1
"""
"""The leaf that counts for the recording ``r`` of the query around, for a lateral join."""
