"""`kcc`: the command line. Commands import TensorFlow and Keras only once they run."""

from keras_cv_course.cli.app import main

__all__ = ["main"]
