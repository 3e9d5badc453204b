"""Training of `demucs-tiny-synth`, the small model committed with the code: `python -m stem_worker.training`."""
