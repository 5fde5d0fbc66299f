"""Train the localizer with the defaults of `kcc train localizer`, and print how many pictures kept aside it gets right.

Run: python benchmarks/train_localizer.py [--pictures 4000] [--epochs 40] [--loss notes squared] [--register]

To reach: 0.95 of the drawn pictures kept aside right, class and box at an IoU of 0.5, within 10 minutes on 2 cores,
drawing included. The all-squared loss is trained beside that of the notes on the same pictures from the same first
weights. --register packs the weights of the first one named into weights/ and measures the packed file.
"""

import argparse
import json
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from keras_cv_course import prepare_devices
from keras_cv_course.cli.options import KEPT_ASIDE_SEED
from keras_cv_course.cli.train_localizer import KEPT_ASIDE, PICTURES
from keras_cv_course.data.localized_images import LocalizedImages, draw_localized_images
from keras_cv_course.files import write_text_atomically
from keras_cv_course.metrics.localization import LocalizationMetrics, localization_metrics
from keras_cv_course.models.localizer import localizer
from keras_cv_course.models.trained_localizer import Localizer, load_localizer
from keras_cv_course.pretrained import registry, sha256, weights_folder
from keras_cv_course.training.fit_localizer import LocalizerSettings, fit_localizer
from keras_cv_course.weights_file import write_weights

NAME = "road-localizer"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=PICTURES)
    parser.add_argument("--epochs", type=int, default=LocalizerSettings.epochs)
    parser.add_argument("--loss", nargs="+", default=["notes", "squared"])
    parser.add_argument("--register", action="store_true")
    options = parser.parse_args()

    clock = Clock()
    train = draw_localized_images(options.pictures, LocalizerSettings.seed)
    print(f"drawn: {len(train)} pictures, {clock.read()}", flush=True)
    held_out = draw_localized_images(KEPT_ASIDE, KEPT_ASIDE_SEED)
    for number, loss in enumerate(options.loss):
        settings = LocalizerSettings(epochs=options.epochs, loss=loss)
        prepare_devices(settings.seed)
        model = localizer((*train.size, 3), len(train.class_names))
        clock = Clock()
        fit_localizer(model, train, settings)
        trained = Localizer(model, train.class_names, loss)
        print(f"{loss}: {describe(measure(trained, held_out))}, {clock.read()}", flush=True)
        if options.register and number == 0:
            register(trained, settings, options.pictures, held_out)


class Clock:
    """Wall clock and processor time since it was made."""

    def __init__(self) -> None:
        self.started = time.perf_counter(), time.process_time()

    def read(self) -> str:
        """Give both, in minutes."""
        wall, processor = time.perf_counter() - self.started[0], time.process_time() - self.started[1]
        return f"{wall / 60:.1f} minutes, {processor / 60:.1f} of one core"


def measure(trained: Localizer, data: LocalizedImages) -> LocalizationMetrics:
    found = trained.predict(data.images)
    return localization_metrics(data.boxes, data.class_ids, found.boxes, found.class_ids)


def describe(metrics: LocalizationMetrics) -> str:
    return (
        f"correct {metrics.correct:.3f} of {metrics.pictures}, accuracy {metrics.accuracy:.3f}, mean IoU "
        f"{metrics.mean_iou:.3f}"
    )


def register(trained: Localizer, settings: LocalizerSettings, pictures: int, held_out: LocalizedImages) -> None:
    """Pack the weights, measure the packed ones, and write both into weights/."""
    path = weights_folder() / f"{NAME}.int8.h5"
    write_weights(path, trained.model.weights)
    entry = {
        "kind": "localizer",
        "file": path.name,
        "sha256": sha256(path),
        "size": path.stat().st_size,
        "input_size": trained.input_size,
        "class_names": trained.class_names,
        "trained_on": f"{pictures} road scenes drawn by this package, no photograph",
        "recipe": f"python benchmarks/train_localizer.py --pictures {pictures} --epochs {settings.epochs} --register, "
        "kernels rounded to 8 bits",
        "score": {},
    }
    manifest = weights_folder() / "manifest.json"
    entries = json.loads(manifest.read_text()) | {NAME: entry}
    write_text_atomically(manifest, json.dumps(entries, indent=2) + "\n")
    registry.cache_clear()
    metrics = measure(load_localizer(NAME), held_out)
    entry["score"] = {f"drawn_scenes_{name}": value for name, value in metrics.to_json().items()}
    write_text_atomically(manifest, json.dumps(entries, indent=2) + "\n")
    print(f"packed, {path.stat().st_size} bytes: {describe(metrics)}", flush=True)


if __name__ == "__main__":
    main()
