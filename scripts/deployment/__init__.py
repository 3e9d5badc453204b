"""What the ape scripts share: compiled contracts as bytes and JSON, and the files that a deployment leaves."""
