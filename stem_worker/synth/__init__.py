"""Songs that are made, not recorded, so that their true stems are known."""

from stem_worker.synth.measure import sdr, si_sdr, si_sdr_gain
from stem_worker.synth.song import SynthSong, demo_song, make_song

__all__ = ["SynthSong", "demo_song", "make_song", "sdr", "si_sdr", "si_sdr_gain"]
