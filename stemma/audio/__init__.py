"""Audio files in and out: probing, decoding, measuring, FLAC and previews.

Inside the house audio is float32[2, T] at 44.1 kHz.
"""
