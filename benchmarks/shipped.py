"""What the scripts that train or pack shipped models share: what a training prints, and weights entered in weights/."""

import json
import time
from collections.abc import Callable
from typing import Any

import keras

from keras_cv_course.files import write_text_atomically
from keras_cv_course.pretrained import registry, sha256, weights_folder
from keras_cv_course.weights_file import write_weights


class Clock:
    """Wall clock and processor time since it was made."""

    def __init__(self) -> None:
        self.started = time.perf_counter(), time.process_time()

    def read(self) -> str:
        """Give both, in minutes."""
        wall, processor = time.perf_counter() - self.started[0], time.process_time() - self.started[1]
        return f"{wall / 60:.1f} minutes, {processor / 60:.1f} of one core"


class Tell(keras.callbacks.Callback):
    """Print each epoch's figures and the time used.

    Args:
        clock: started before the training.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Print the figures."""
        print(epoch + 1, {name: round(value, 4) for name, value in (logs or {}).items()}, self.clock.read(), flush=True)


def register(
    name: str, kind: str, model: keras.Model, facts: dict[str, Any], measure: Callable[[], dict[str, float]]
) -> int:
    """Pack a model's weights into weights/, and enter them in the manifest with the score of the packed ones.

    Args:
        name: of the model.
        kind: of model.
        model: trained.
        facts: what the manifest says beside: input_size, class_names, trained_on, recipe, and what the kind has.
        measure: loads the model by its name and gives its figures.

    Returns:
        The number of bytes of the packed file.
    """
    path = weights_folder() / f"{name}.int8.h5"
    write_weights(path, model.weights)
    size = path.stat().st_size
    entry = {"kind": kind, "file": path.name, "sha256": sha256(path), "size": size, **facts, "score": {}}
    manifest = weights_folder() / "manifest.json"
    entries = json.loads(manifest.read_text(encoding="utf-8")) | {name: entry}
    write_text_atomically(manifest, json.dumps(entries, indent=2) + "\n")
    registry.cache_clear()
    entry["score"] = measure()
    write_text_atomically(manifest, json.dumps(entries, indent=2) + "\n")
    return size
