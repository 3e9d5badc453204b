"""How often Python looks through what it holds for cycles that nobody reaches any more."""

import gc


def look_seldom() -> None:
    """Look every 50,000 objects; through all that is held, every five million.

    At Python's own pace, every 700, a service looks through all that it loads again and again while it starts, a tenth
    of that time; and its requests leave few cycles, for nearly everything ends with its last reference. But a stream of
    events leaves some 300 objects in them, old by then: what is held must be looked through, or it grows by gigabytes.
    """
    gc.set_threshold(50_000, 10, 10)


def forget_what_is_loaded() -> None:
    """What is there now stays, and is not looked through again."""
    gc.collect()
    gc.freeze()


def relax_for_batches() -> None:
    """Look once in a batch: an indexer's are large and acyclic, and at Python's pace it took a third of its time."""
    forget_what_is_loaded()
    gc.set_threshold(500_000, 50, 100)
