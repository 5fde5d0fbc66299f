"""From the raw output of a detector to boxes on a picture."""
