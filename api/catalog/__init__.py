"""Reading what the index holds: works, their stems, previews, files and metadata."""
