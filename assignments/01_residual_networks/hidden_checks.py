"""Hidden checks of the residual networks assignment: other sizes, other strides, and calls on numbers."""

import numpy as np

from keras_cv_course.grading import Subject, check_of

from .blocks import draw_block, see_block_training, see_block_values, see_call_on_numbers, see_initializer
from .network import see_network_values


@check_of("identity_block", title="Other sizes")
def identity_of_other_sizes(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for a kernel that has no middle, and for one of a single number."""
    for size in (4, 1):
        see_block_values(subject, draw, draw_block(draw, projects=False, size=size))
    see_block_training(subject, draw, draw_block(draw, projects=False, size=2))


@check_of("identity_block", title="Called on numbers, with an initializer of one's own")
def identity_of_numbers(subject: Subject, draw: np.random.Generator) -> None:
    """Compare without a model, where every layer is new."""
    case = draw_block(draw, projects=False, size=2)
    see_initializer(subject, case)
    see_call_on_numbers(subject, draw, case, training=False)


@check_of("convolutional_block", title="Other sizes and strides")
def convolutional_of_other_sizes(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for strides of 1 and 3."""
    for size, stride in ((3, 1), (2, 3)):
        see_block_values(subject, draw, draw_block(draw, projects=True, size=size, stride=stride))
    see_block_training(subject, draw, draw_block(draw, projects=True, size=5, stride=3))


@check_of("convolutional_block", title="Called on numbers, with an initializer of one's own")
def convolutional_of_numbers(subject: Subject, draw: np.random.Generator) -> None:
    """Compare without a model, where every layer is new."""
    case = draw_block(draw, projects=True, size=2, stride=2)
    see_initializer(subject, case)
    see_call_on_numbers(subject, draw, case, training=False)


@check_of("ResNet50", title="Other images and another number of classes", points=2)
def network_of_other_images(subject: Subject, draw: np.random.Generator) -> None:
    """Compare for images of two channels."""
    see_network_values(subject, draw, channels=2)
