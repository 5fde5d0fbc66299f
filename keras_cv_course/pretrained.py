"""The registry of trained weights: what there is, how it was trained, how well it does, and where its file lies.

The registry is ``weights/manifest.json``, in the checkout or inside the installed package.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from keras_cv_course.errors import WeightsError

_PACKAGE = Path(__file__).parent
# An installed wheel carries the folder inside the package, a checkout beside it.
WEIGHT_FOLDERS = (_PACKAGE / "weights", _PACKAGE.parent / "weights")


@dataclass(frozen=True)
class Pretrained:
    """One entry of the registry.

    Attributes:
        name: what users call it.
        file: name of the weights file.
        sha256: of the file, in hexadecimal.
        size: of the file, in bytes.
        depth: of the ResNet.
        input_size: (height, width) of the images.
        class_names: one for each output.
        trained_on: the data.
        recipe: how, in one sentence with the command.
        score: measured after packing, such as ``{"test_accuracy": 0.98, "test_images": 216}``.
    """

    name: str
    file: str
    sha256: str
    size: int
    depth: int
    input_size: tuple[int, int]
    class_names: tuple[str, ...]
    trained_on: str
    recipe: str
    score: dict[str, Any]

    @classmethod
    def from_json(cls, name: str, entry: dict[str, Any]) -> "Pretrained":
        """Build from an entry of manifest.json."""
        lists = {key: tuple(entry[key]) for key in ("input_size", "class_names")}
        return cls(**{"name": name, **entry, **lists})


def weights_folder() -> Path:
    """Find the folder with manifest.json.

    Raises:
        WeightsError: neither the package nor the checkout has it.
    """
    for folder in WEIGHT_FOLDERS:
        if (folder / "manifest.json").is_file():
            return folder
    raise WeightsError(f"Expected manifest.json in {' or '.join(map(str, WEIGHT_FOLDERS))}. Install the package again.")


@cache
def registry() -> dict[str, Pretrained]:
    """Read the whole registry: name -> entry."""
    manifest = json.loads((weights_folder() / "manifest.json").read_text(encoding="utf-8"))
    return {name: Pretrained.from_json(name, entry) for name, entry in manifest.items()}


def pretrained(name: str) -> Pretrained:
    """Look one entry up.

    Raises:
        WeightsError: no such name; the message lists those there are.
    """
    if name not in registry():
        raise WeightsError(f"Expected one of the trained models {', '.join(registry())}. Received: {name!r}.")
    return registry()[name]


def weights_path(entry: Pretrained) -> Path:
    """Give the path of an entry's file after checking its size and sha256.

    Raises:
        WeightsError: the file is missing, or is not the one that was registered.
    """
    path = weights_folder() / entry.file
    if not path.is_file():
        raise WeightsError(f"Expected the weights of {entry.name} at {path}. Fetch the file again or put it there.")
    size = path.stat().st_size
    if size != entry.size:
        raise WeightsError(f"{path}: expected {entry.size} bytes. Received: {size}. The file is damaged.")
    digest = sha256(path)
    if digest != entry.sha256:
        raise WeightsError(f"{path}: expected sha256 {entry.sha256}. Received: {digest}. The file is damaged.")
    return path


def sha256(path: Path) -> str:
    """Give a file's sha256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
