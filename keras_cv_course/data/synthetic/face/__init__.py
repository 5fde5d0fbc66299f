"""The parts of drawn faces: a head's surface, its features, hair and glasses, under a camera."""
