"""The embedded stack, the emulators and the `stemma` command. Not part of production images."""
