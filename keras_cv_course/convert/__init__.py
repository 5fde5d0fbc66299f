"""Weights that other frameworks trained, in the models of this package."""
