"""A model in one .keras file together with the facts that its use needs."""

import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import keras

from keras_cv_course.errors import ModelError, WeightsError, first_line
from keras_cv_course.files import atomic_path

LARGEST_DESCRIPTION = 10**6  # bytes; thousands of class names


def save_described(model: keras.Model, path: str | Path, name: str, description: dict[str, Any]) -> None:
    """Write one .keras file, which `keras.saving.load_model` opens as well: it gives the model alone.

    Args:
        model: a built model.
        path: the file, written whole or not at all.
        name: of the description in the archive that a .keras file is; Keras itself passes over what it does not know.
        description: JSON types.

    Raises:
        ModelError: a path with another suffix.
    """
    if Path(path).suffix != ".keras":
        raise ModelError(f"A trained model is saved as a .keras file. Received: {str(path)!r}.")
    with atomic_path(path) as temporary:
        model.save(temporary)
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.writestr(name, json.dumps(description, indent=1, ensure_ascii=False))


def is_described(path: Path, name: str) -> bool:
    """Tell whether a file is an archive with a description of this name."""
    try:
        with zipfile.ZipFile(path) as archive:
            return name in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def read_description(path: Path, name: str) -> Any:
    """Read what :func:`save_described` wrote beside the model.

    Raises:
        WeightsError: a damaged file, or one without that description.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if name not in archive.namelist():
                raise WeightsError(f"{path}: expected a model with {name} in its file. Received: one without.")
            if archive.getinfo(name).file_size > LARGEST_DESCRIPTION:
                raise WeightsError(f"{path}: {name} in it is over {LARGEST_DESCRIPTION} bytes long.")
            return json.loads(archive.read(name))
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:  # RuntimeError: encrypted
        raise WeightsError(f"{path}: not a Keras model that loads here ({first_line(error)}).") from error
    except ValueError as error:
        raise WeightsError(f"{path}: {name} in it is damaged ({first_line(error)}).") from error
