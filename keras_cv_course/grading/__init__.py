"""Grades learners' notebooks: fast, and without trusting them."""
