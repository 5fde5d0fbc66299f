"""Data sets: found, read, validated, drawn. NumPy arrays out; no TensorFlow here."""
