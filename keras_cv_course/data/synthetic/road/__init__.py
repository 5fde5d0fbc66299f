"""What :mod:`..road_scenes` draws: a road in metres, its light, what stands beside it and who uses it."""
