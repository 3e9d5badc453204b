"""The way of an upload: received, probed, signed, separated, committed, indexed."""
