"""Models in `keras.ops` and `keras.layers` only, so that each runs on every Keras backend."""
