"""Training with `model.fit`: input pipelines, devices, precision, callbacks, run folders."""
