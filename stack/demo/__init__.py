"""One song through the main job, as an artist's wallet would send it."""
