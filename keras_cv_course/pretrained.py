"""The registry of trained weights: what there is, how it was trained, how well it does, and where its file lies.

The registry is ``weights/manifest.json``, in the checkout or inside the installed package. A file that it names lies
beside it, or in the cache folder, where a file that has a URL is downloaded to when it is first wanted.
"""

import hashlib
import http.client
import json
import urllib.request
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from keras_cv_course.cache import CACHE_VARIABLE, cache_folder
from keras_cv_course.errors import WeightsError
from keras_cv_course.files import atomic_path

_PACKAGE = Path(__file__).parent
# An installed wheel carries the folder inside the package, a checkout beside it.
WEIGHT_FOLDERS = (_PACKAGE / "weights", _PACKAGE.parent / "weights")

_TIMEOUT = 30  # seconds without an answer
_PIECE = 2**20  # bytes of a download that are written together


@dataclass(frozen=True, kw_only=True)
class Pretrained:
    """One entry of the registry.

    Attributes:
        name: what users call it.
        file: name of the weights file.
        sha256: of the file, in hexadecimal. None where nobody here has seen the file: then only its reader can tell a
            damaged one.
        size: of the file, in bytes; None where that is not known.
        url: where the file can be downloaded; None for a file that is shipped.
        input_size: (height, width) of the images.
        class_names: one for each class.
        trained_on: the data.
        recipe: how, in one sentence with the command, or by whom.
        score: measured with this file, such as ``{"test_accuracy": 0.98, "test_images": 216}``; empty where nobody here
            measured it.
    """

    name: str
    file: str
    sha256: str | None
    size: int | None
    url: str | None = None
    input_size: tuple[int, int]
    class_names: tuple[str, ...]
    trained_on: str
    recipe: str
    score: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class PretrainedClassifier(Pretrained):
    """An image classifier of the ResNet family, its weights packed by `write_weights`.

    Attributes:
        depth: of the ResNet.
    """

    depth: int


@dataclass(frozen=True, kw_only=True)
class PretrainedWindows(Pretrained):
    """A classifier of the windows of a picture, :func:`~keras_cv_course.models.overfeat.road_window_network`."""


@dataclass(frozen=True, kw_only=True)
class PretrainedDetector(Pretrained):
    """A detector of the YOLOv2 family.

    Attributes:
        anchors: (width, height) of each, in cells of the output's grid.
    """

    anchors: tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class DarknetDetector(PretrainedDetector):
    """A detector whose weights are as the Darknet program wrote them.

    Attributes:
        network: its name among `NETWORKS`, that is the name of its cfg file.
    """

    network: str


@dataclass(frozen=True, kw_only=True)
class PackedDetector(PretrainedDetector):
    """A YOLOv2 of this package, trained on letterboxed pictures, its weights packed by `write_weights`.

    Attributes:
        width: filters of its layers, as a part of the published ones.
    """

    width: float


@dataclass(frozen=True, kw_only=True)
class PretrainedLandmarks(Pretrained):
    """A stacked hourglass, its weights packed by `write_weights`; its one class is what the points are of.

    Attributes:
        points: their number.
        stacks: hourglasses.
        filters: channels.
    """

    points: int
    stacks: int
    filters: int


@dataclass(frozen=True, kw_only=True)
class PretrainedLocalizer(Pretrained):
    """A localizer of :func:`keras_cv_course.models.localizer.localizer`, its weights packed by `write_weights`."""


@dataclass(frozen=True, kw_only=True)
class PretrainedSegmenter(Pretrained):
    """A U-Net on Darknet-19, :func:`keras_cv_course.models.unet.unet_around`, its weights packed by `write_weights`.

    Attributes:
        width: filters of Darknet-19's layers, as a part of the published ones.
        colours: (red, green, blue) of each class.
    """

    width: float
    colours: tuple[tuple[int, int, int], ...]


_KINDS: dict[str, type[Pretrained]] = {
    "classifier": PretrainedClassifier,
    "darknet detector": DarknetDetector,
    "detector": PackedDetector,
    "landmarks": PretrainedLandmarks,
    "window classifier": PretrainedWindows,
    "localizer": PretrainedLocalizer,
    "segmenter": PretrainedSegmenter,
}


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
    return {name: _entry(name, **content) for name, content in manifest.items()}


def classifiers() -> dict[str, PretrainedClassifier]:
    """Give the registry's classifiers: name -> entry."""
    return {name: entry for name, entry in registry().items() if isinstance(entry, PretrainedClassifier)}


def detectors() -> dict[str, PretrainedDetector]:
    """Give the registry's detectors: name -> entry."""
    return {name: entry for name, entry in registry().items() if isinstance(entry, PretrainedDetector)}


def landmark_models() -> dict[str, PretrainedLandmarks]:
    """Give the registry's models of points: name -> entry."""
    return {name: entry for name, entry in registry().items() if isinstance(entry, PretrainedLandmarks)}


def window_classifiers() -> dict[str, PretrainedWindows]:
    """Give the registry's classifiers of windows: name -> entry."""
    return {name: entry for name, entry in registry().items() if isinstance(entry, PretrainedWindows)}


def localizers() -> dict[str, PretrainedLocalizer]:
    """Give the registry's localizers: name -> entry."""
    return {name: entry for name, entry in registry().items() if isinstance(entry, PretrainedLocalizer)}


def segmenters() -> dict[str, PretrainedSegmenter]:
    """Give the registry's segmenters: name -> entry."""
    return {name: entry for name, entry in registry().items() if isinstance(entry, PretrainedSegmenter)}


def pretrained(name: str) -> Pretrained:
    """Look one entry up.

    Raises:
        WeightsError: no such name; the message lists those there are.
    """
    if name not in registry():
        raise WeightsError(f"Expected one of the trained models {', '.join(registry())}. Received: {name!r}.")
    return registry()[name]


def find_weights(entry: Pretrained) -> Path | None:
    """Give the path of an entry's file, in the weights folder or in the cache, after checking its size and sha256.

    Returns:
        None where the file is in neither.

    Raises:
        WeightsError: a file is there that is not the one that was registered.
    """
    for folder in (weights_folder(), cache_folder("weights")):
        path = folder / entry.file
        if path.is_file():
            problem = _difference(path, entry)
            if problem:
                again = ": remove it to have it downloaded again" if entry.url else ""
                raise WeightsError(f"{path}: {problem}. The file is damaged{again}.")
            return path
    return None


def weights_path(entry: Pretrained) -> Path:
    """Give the path of an entry's file as :func:`find_weights` does; download it, with a bar on stderr, if need be.

    Raises:
        WeightsError: the file is missing and cannot be downloaded, or is not the one that was registered.
    """
    path = find_weights(entry)
    if path is not None:
        return path
    if entry.url is None:
        path = weights_folder() / entry.file
        raise WeightsError(f"Expected the weights of {entry.name} at {path}. Fetch the file again or put it there.")
    return _download(entry, entry.url)


def sha256(path: Path) -> str:
    """Give a file's sha256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _entry(name: str, kind: str, **content: Any) -> Pretrained:
    """Build an entry from the manifest's JSON, which has lists for tuples."""
    return _KINDS[kind](name=name, **{key: _with_tuples(value) for key, value in content.items()})


def _with_tuples(value: Any) -> Any:
    return tuple(map(_with_tuples, value)) if isinstance(value, list) else value


def _difference(path: Path, entry: Pretrained) -> str | None:
    """Say in what a file is not the registered one; None where it is, as far as that is known."""
    size = path.stat().st_size
    if entry.size is not None and size != entry.size:
        return f"expected {entry.size} bytes. Received: {size}"
    if entry.sha256 is not None and (digest := sha256(path)) != entry.sha256:
        return f"expected sha256 {entry.sha256}. Received: {digest}"
    return None


def _download(entry: Pretrained, url: str) -> Path:
    """Download an entry's file into the cache, whole and checked or not at all."""
    path = cache_folder("weights") / entry.file
    try:
        with atomic_path(path) as temporary:
            _fetch(url, temporary, entry)
            problem = _difference(temporary, entry)
            if problem:
                raise WeightsError(problem)
    # HTTPException: an answer that is no HTTP; ValueError: an address that is none.
    except (OSError, http.client.HTTPException, ValueError, WeightsError) as error:
        raise WeightsError(
            f"The weights of {entry.name} are not on this machine and cannot be downloaded ({error}). Download "
            f"{url} elsewhere and put it at {path}; the folder is set by the environment variable {CACHE_VARIABLE}."
        ) from error
    return path


def _fetch(url: str, path: Path, entry: Pretrained) -> None:
    """Write what `url` answers to `path`, not more than expected, behind a bar on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with (
        urllib.request.urlopen(url, timeout=_TIMEOUT) as answer,
        path.open("wb") as file,
        Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar,
    ):
        announced = answer.headers.get("Content-Length")
        expected = entry.size or (int(announced) if announced else None)
        task = bar.add_task(f"Downloading {entry.file}", total=expected)
        received = 0
        while (expected is None or received <= expected) and (piece := answer.read(_PIECE)):
            file.write(piece)
            received += len(piece)
            bar.advance(task, len(piece))
    if expected is not None and received != expected:
        raise WeightsError(f"expected {expected} bytes, received {'more' if received > expected else received}")
