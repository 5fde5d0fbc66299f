"""Files that run on the submission's side; each stands alone, for nothing of this package can be imported there."""
