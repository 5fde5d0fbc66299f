"""`kcc train segmenter --model mask-rcnn` and `kcc segment` with what it made."""

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import kcc
from PIL import Image

from keras_cv_course.cli.instances_result import measure_segmenter
from keras_cv_course.data.synthetic.shapes import CLASS_NAMES, draw_shape_scenes
from keras_cv_course.detection.mask_rcnn_losses import LOSSES
from keras_cv_course.detections import Detections, InstanceDetections
from keras_cv_course.metrics.instances import TrueInstances
from keras_cv_course.run_lengths import decode_masks
from keras_cv_course.training.run_folder import RunFolder


def kcc_stopped() -> None:
    """Be `kcc`, and press Ctrl-C in the second epoch."""
    from keras_cv_course.cli import epoch_progress, main

    class Stop(epoch_progress.EpochProgress):
        def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
            if self.epoch == 1:
                raise KeyboardInterrupt

    epoch_progress.EpochProgress = Stop
    main()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a run that was stopped and resumed."""
    run = tmp_path_factory.mktemp("runs") / "run"
    fast = ("--pictures", 4, "--input-size", 64, "--batch-size", 4, "--epochs", 2)
    stopped = kcc("train", "segmenter", "--model", "mask-rcnn", "--out", run, *fast, main=kcc_stopped)
    assert stopped.returncode == 130, stopped.stderr
    assert f"Go on with: kcc train segmenter --resume {run}" in stopped.stderr
    assert len(RunFolder(run).read_history()["loss"]) == 1
    trained = kcc("train", "segmenter", "--resume", run)
    assert trained.returncode == 0, trained.stderr
    assert "on 4 pictures kept aside" in trained.stdout
    return run


def test_a_run_has_its_files_and_figures(run: Path) -> None:
    names = {path.name for path in run.iterdir()}
    assert names == {
        *("config.json", "environment.json", "history.csv", "logs", "model.keras"),
        *("result.json", "report.html"),
    }
    config = json.loads((run / "config.json").read_text())
    assert (config["task"], config["class_names"]) == ("mask-rcnn", [*CLASS_NAMES])
    result = json.loads((run / "result.json").read_text())
    assert 0 <= result["masks"]["ap50"] <= 1
    assert 0 <= result["boxes"]["ap50"] <= 1
    page = (run / "report.html").read_text()
    assert "kept aside from training" in page
    assert page.count("AP of this picture's masks") == 8  # each picture as it comes, and from the worst on


def test_the_loss_is_the_sum_of_its_parts_and_falls(run: Path) -> None:
    history = RunFolder(run).read_history()
    assert history["loss"][1] < history["loss"][0]
    for epoch in range(2):
        assert history["loss"][epoch] == pytest.approx(sum(history[name][epoch] for name in LOSSES), rel=1e-4)


def test_objects_of_a_picture_have_masks_within_it(run: Path, tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (50, 90, 3), np.uint8)  # not square, nor of the model's size
    Image.fromarray(picture).save(tmp_path / "a.png")
    done = kcc("segment", "a.png", "--model", run, "--score", 0.05, "--json", "found.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "found.json").read_text())[0]
    assert (found["height"], found["width"]) == (50, 90)
    for one in found["objects"]:
        assert one["class"] in CLASS_NAMES
        assert decode_masks([one["segmentation"]], (50, 90)).shape == (1, 50, 90)
    assert (tmp_path / "segmentations" / "a.png").exists()


def test_a_size_that_the_network_cannot_take_is_refused_at_once(tmp_path: Path) -> None:
    refused = kcc("train", "segmenter", "--model", "mask-rcnn", "--input-size", 100, "--out", tmp_path / "run")
    assert refused.returncode == 1
    assert "multiples of 32" in refused.stderr
    assert not (tmp_path / "run").exists()


class Knowing:
    """Finds what it was told is there."""

    def __init__(self, scenes: list) -> None:
        self.answers = iter(scenes)

    def segment(self, image: np.ndarray, score_threshold: float) -> InstanceDetections:
        scene = next(self.answers)
        scores = np.full(len(scene.boxes), 0.9, np.float32)
        return InstanceDetections(
            Detections(scene.boxes, scores, scene.class_ids, CLASS_NAMES, image.shape[:2]), scene.masks
        )


def test_who_finds_everything_has_all_of_it() -> None:
    scenes = list(draw_shape_scenes(4, 3, (64, 64)))
    truth = [TrueInstances.from_masks(scene.boxes, scene.class_ids, scene.masks) for scene in scenes]
    metrics = measure_segmenter(Knowing(scenes), [scene.image for scene in scenes], truth).metrics
    assert (metrics.masks.ap, metrics.boxes.ap) == (1, 1)
    turned = scenes[1:] + scenes[:1]
    assert measure_segmenter(Knowing(turned), [scene.image for scene in scenes], truth).metrics.masks.ap50 < 0.5
