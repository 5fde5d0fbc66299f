"""Train the localizer with the defaults of `kcc train localizer`, and print how many pictures kept aside it gets right.

Run: python benchmarks/train_localizer.py [--pictures 4000] [--epochs 40] [--loss notes squared] [--register]

To reach: 0.95 of the drawn pictures kept aside right, class and box at an IoU of 0.5, within 10 minutes on 2 cores,
drawing included. The all-squared loss is trained beside that of the notes on the same pictures from the same first
weights. --register packs the weights of the first one named into weights/ and measures the packed file.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from shipped import Clock, register

from keras_cv_course import prepare_devices
from keras_cv_course.cli.options import KEPT_ASIDE_SEED
from keras_cv_course.cli.train_localizer import KEPT_ASIDE, PICTURES
from keras_cv_course.data.localized_images import LocalizedImages, draw_localized_images
from keras_cv_course.metrics.localization import LocalizationMetrics, localization_metrics
from keras_cv_course.models.localizer import localizer
from keras_cv_course.models.trained_localizer import Localizer, load_localizer
from keras_cv_course.training.fit_localizer import LocalizerSettings, fit_localizer

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
            ship(trained, settings, options.pictures, held_out)


def measure(trained: Localizer, data: LocalizedImages) -> LocalizationMetrics:
    found = trained.predict(data.images)
    return localization_metrics(data.boxes, data.class_ids, found.boxes, found.class_ids)


def describe(metrics: LocalizationMetrics) -> str:
    return (
        f"correct {metrics.correct:.3f} of {metrics.pictures}, accuracy {metrics.accuracy:.3f}, mean IoU "
        f"{metrics.mean_iou:.3f}"
    )


def ship(trained: Localizer, settings: LocalizerSettings, pictures: int, held_out: LocalizedImages) -> None:
    """Pack the weights into weights/, and measure the packed ones."""

    def score() -> dict[str, float]:
        metrics = measure(load_localizer(NAME), held_out)
        print(f"packed: {describe(metrics)}", flush=True)
        return {f"drawn_scenes_{name}": value for name, value in metrics.to_json().items()}

    facts = {
        "input_size": trained.input_size,
        "class_names": trained.class_names,
        "trained_on": f"{pictures} road scenes drawn by this package, no photograph",
        "recipe": f"python benchmarks/train_localizer.py --pictures {pictures} --epochs {settings.epochs} --register, "
        "kernels rounded to 8 bits",
    }
    print(f"{register(NAME, 'localizer', trained.model, facts, score)} bytes")


if __name__ == "__main__":
    main()
