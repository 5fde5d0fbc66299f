"""What is done with points on a face: eyes that blink, things to wear, heatmaps of its parts, drawing."""
