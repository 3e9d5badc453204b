"""The contracts' audit, `make audit`: forge's fuzzing and invariants, slither, and halmos' proofs.

Each tool has a file. What one finds is compared with what is explained in `tests/forge/slither.yaml`, and with planted
errors that it must find; docs/security/README.md says what they cover.
"""
