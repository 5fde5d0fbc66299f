"""Transfer learning: pretrained backbones, freezing by named layer groups, recipes for small and large data sets."""
