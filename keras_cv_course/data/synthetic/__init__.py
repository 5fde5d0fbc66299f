"""Pictures drawn by this package, for a first run without a download."""
