"""Networks of ``keras.applications``, whose pretrained weights Keras fetches, with errors that help where it cannot."""

import os
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from keras_cv_course.errors import ModelError, WeightsError, first_line


def build_application(
    function: Callable[..., keras.Model], name: str, /, *, otherwise: str, **options: Any
) -> keras.Model:
    """Call a function of ``keras.applications``.

    Args:
        function: such as ``keras.applications.MobileNetV2``.
        name: of the network, for messages.
        otherwise: what to do without its weights, for the message: "Put the file there, or ...".
        options: passed to `function`, ``input_shape`` among them.

    Raises:
        ModelError: Keras refuses the options.
        WeightsError: the weights are not on this machine and cannot be fetched; the message gives their file's name,
            place and URL. Or they cannot be read.
    """
    try:
        with warnings.catch_warnings():
            # A MobileNet says that it takes the weights for 224x224 where it has none for the size: what is wanted.
            warnings.filterwarnings("ignore", message="`input_shape` is undefined or non-square")
            return function(**options)
    except ValueError as error:
        if "file hash" in str(error):  # a download that is not what Keras expects
            raise WeightsError(explain_failed_fetch(name, error, otherwise=otherwise)) from error
        size = options["input_shape"][:2]
        raise ModelError(f"{name} cannot be built for images of {size}: {first_line(error)}") from error
    except Exception as error:  # keras.utils.get_file raises a bare Exception, and OSError where it cannot write
        raise WeightsError(explain_failed_fetch(name, error, otherwise=otherwise)) from error


def explain_failed_fetch(name: str, error: Exception, *, otherwise: str) -> str:
    """Say which file is missing, and where it belongs, as far as Keras's own error tells."""
    url = re.search(r"https?://\S+", str(error))
    if url is None:
        return f"The weights of {name} cannot be loaded: {first_line(error)}. Put the right file there, or {otherwise}."
    address = url[0].rstrip(":")
    folder = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "models"
    return (
        f"The weights of {name} are not on this machine and cannot be fetched. Expected the file "
        f"{address.rpartition('/')[2]} in {folder}; its URL is {address}. Put it there, or {otherwise}."
    )
