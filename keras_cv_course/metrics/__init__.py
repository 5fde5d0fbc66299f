"""How good a model is: counts, rates and their uncertainty."""
