"""What people look at: plots as pictures, results as one self-contained HTML page."""
