"""The ways in which boxes are written to files, one module for each."""
