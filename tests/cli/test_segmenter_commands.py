"""`kcc train segmenter` and `kcc segment`, as a user types them."""

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import kcc
from PIL import Image

from keras_cv_course.cli.options import KEPT_ASIDE_SEED
from keras_cv_course.cli.segment import _in_file
from keras_cv_course.cli.segmenter_result import SegmenterResult, measure_segmenter
from keras_cv_course.cli.train_segmenter import ROAD_COLOURS, pictures_for
from keras_cv_course.data.masked_images import IGNORED, MaskedImage, MaskedImages
from keras_cv_course.data.segmentation_datasets import write_coco_masks
from keras_cv_course.data.segmented_images import SegmentedImages, draw_segmented_images
from keras_cv_course.data.synthetic.road_scenes import SURFACES
from keras_cv_course.models.segmenter import load_segmenter
from keras_cv_course.run_lengths import decode_masks, encode_masks
from keras_cv_course.training.fit_segmenter import SegmenterSettings
from keras_cv_course.transfer.backbones import load_backbone

FAST = ("--input-size", 64, "--batch-size", 4, "--epochs", 1, "--precision", "float32")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "run"
    start = ("--backbone", "road-yolov2", "--freeze", "--dice", 0, "--focal", 0.5)
    trained = kcc("train", "segmenter", "--pictures", 4, *start, "--out", run, *FAST)
    assert trained.returncode == 0, trained.stderr
    assert "4 to train on, 4 to measure by" in trained.stderr
    assert "on 4 pictures kept aside" in trained.stdout
    return run


def test_a_run_has_its_files_and_figures(run: Path) -> None:
    names = {path.name for path in run.iterdir()}
    assert names == {
        *("config.json", "environment.json", "history.csv", "logs", "model.keras"),
        *("result.json", "report.html"),
    }
    config = json.loads((run / "config.json").read_text())
    assert (config["task"], config["class_names"]) == ("segmenter", [*SURFACES])
    assert [config["fit"][part] for part in ("cross_entropy", "dice", "focal")] == [1, 0, 0.5]
    assert config["fit"]["augmentation"] is None  # of drawn pictures
    assert SegmenterSettings.from_json(config["fit"]) == SegmenterSettings(
        epochs=1, batch_size=4, precision="float32", dice=0, focal=0.5, augmentation=None
    )
    assert 0 <= json.loads((run / "result.json").read_text())["mean_iou"] <= 1
    assert load_segmenter(run).colours == tuple(ROAD_COLOURS.values())


def test_a_frozen_backbone_stays_what_it_was(run: Path) -> None:
    trained = load_segmenter(run).model.get_layer("darknet").get_weights()
    shipped = load_backbone("road-yolov2", (64, 64)).network.get_weights()
    for after, before in zip(trained, shipped, strict=True):
        np.testing.assert_array_equal(after, before)


def test_a_run_stopped_before_its_report_makes_it(run: Path) -> None:
    before = (run / "result.json").read_text()
    for name in ("result.json", "report.html"):
        (run / name).unlink()
    again = kcc("train", "segmenter", "--resume", run)
    assert again.returncode == 0, again.stderr
    assert (run / "result.json").read_text() == before
    assert "kept aside from training" in (run / "report.html").read_text()
    complete = kcc("train", "segmenter", "--resume", run)
    assert complete.returncode == 1
    assert "complete" in complete.stderr


def test_pictures_of_a_set_are_divided_and_found_again(tmp_path: Path) -> None:
    pixels = np.zeros((64, 96, 3), np.uint8)
    mask = np.zeros((1, 64, 96), bool)
    mask[0, 16:48, 24:72] = True
    box, names = np.array([[24, 16, 72, 48]], np.float32), [f"{number}.png" for number in range(5)]
    for name in names:
        Image.fromarray(pixels).save(tmp_path / name)
    images = tuple(
        MaskedImage(name, tmp_path / name, (64, 96), box, np.array([0]), (frozenset(),), masks=encode_masks(mask))
        for name in names
    )
    write_coco_masks(MaskedImages(tmp_path, images, ("car",), (1,), "coco"), tmp_path / "set")
    details = {"data": str(tmp_path / "set"), "input_size": "32x64", "validation": 0.4, "fit": {}}
    train, held_out = pictures_for(details, 0, resume=False)
    assert (len(train), len(held_out), train.size) == (3, 2, (32, 64))
    assert train.class_names == held_out.class_names == ("background", "car")
    expected = np.zeros((32, 64), np.uint8)
    expected[8:24, 16:48] = 1
    np.testing.assert_array_equal(train.class_maps, [expected] * 3)
    names_of = [{*details[f"{part}_pictures"]} for part in ("train", "held_out")]
    assert not names_of[0] & names_of[1]
    again, _ = pictures_for({**details, "class_names": [*train.class_names]}, 0, resume=True)
    np.testing.assert_array_equal(again.images, train.images)


def test_segment_colours_cuts_out_and_writes_masks(tmp_path: Path) -> None:
    scene = draw_segmented_images(1, 2**33, (96, 128)).images[0]
    Image.fromarray(scene).save(tmp_path / "road.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    out, masks = tmp_path / "drawn", tmp_path / "masks.json"
    said = kcc(
        "segment", tmp_path / "road.png", tmp_path / "broken.png", "--class", "road", "--out", out, "--json", masks
    )
    assert said.returncode == 1, said.stderr
    assert "road" in said.stdout
    assert "error" in said.stdout
    result, error = sorted(json.loads(masks.read_text()), key=lambda result: "error" in result)
    assert "broken.png" in error["file"]
    found = load_segmenter("road-segmenter").segment(scene)
    names = [part["class"] for part in result["classes"]]
    assert names == [SURFACES[number] for number in np.unique(found)]
    for part in result["classes"]:
        run_lengths = {**part["segmentation"], "counts": part["segmentation"]["counts"].encode()}
        (mask,) = decode_masks([run_lengths], (96, 128))
        np.testing.assert_array_equal(mask, found == SURFACES.index(part["class"]))
        assert part["share"] == pytest.approx(mask.mean())
    drawn = Image.open(out / "road.png")
    assert drawn.width == 128
    assert drawn.height > 96  # the legend
    cut = np.array(Image.open(out / "road.png-road.png"))
    assert (cut[..., 3] > 0).sum() == (found == SURFACES.index("road")).sum()
    unknown = kcc("segment", tmp_path / "road.png", "--class", "tram", "--out", out)
    assert unknown.returncode == 1
    assert "one of the model's classes sky, " in unknown.stderr


def test_shipped_segmenter_tells_what_is_drawn() -> None:
    """It stands for the file, its registration and its reading: the figure of its training is in weights/README.md."""
    trained = load_segmenter("road-segmenter")
    data = draw_segmented_images(20, seed=2**33, size=trained.input_size)
    assert measure_segmenter(trained, data).metrics.pixel_accuracy >= 0.93


def test_no_picture_kept_aside_is_one_of_any_seed_to_train_on() -> None:
    # NumPy takes [seed, index] apart into words of 32 bits and fills up with zeros, so that [2**32, 0] is [0, 1].
    kept_aside = {state(KEPT_ASIDE_SEED, index) for index in range(200)}
    assert len(kept_aside) == 200
    for seed in (0, 1, 2**32 - 1):
        assert not kept_aside & {state(seed, index) for index in range(2000)}


def state(seed: int, index: int) -> tuple[int, ...]:
    return tuple(np.random.SeedSequence([seed, index]).generate_state(4).tolist())


def test_classes_whose_names_differ_in_signs_only_are_cut_out_into_files_of_their_own() -> None:
    names = ("a b", "a_b", "a/b", "a-b", "ä")
    assert len({_in_file(name, names) for name in names}) == 5
    assert _in_file("traffic light", SURFACES) == "traffic_light"


def test_worst_pictures_come_first_and_those_without_a_pixel_that_counts_last(tmp_path: Path) -> None:
    trained = load_segmenter("road-segmenter")
    maps = np.full((4, 8, 8), IGNORED, np.uint8)
    maps[1:] = 0
    found = np.zeros_like(maps)
    found[1, :4], found[3] = 1, 1
    data = SegmentedImages(np.zeros((4, 8, 8, 3), np.uint8), maps, SURFACES)
    assert SegmenterResult(trained, data, found).from_worst() == [3, 1, 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("SET", "--pictures", 3), "--pictures are drawn"),
        (("--validation", 0.5), "a share of a set"),
        (("SET", "--resume", "run"), "takes nothing else"),
        (("--input-size", "wide"), "--input-size must be"),
        (("--input-size", 96), "multiples of 64"),
        (("--model", "mask-rcnn", "--freeze"), "Received: --freeze with --model mask-rcnn"),
        (("--freeze",), "Received: it without --backbone"),
        (("--model", "mask-rcnn", "--focal", 0.5), "Received: --focal with --model mask-rcnn"),
        (("--cross-entropy", 0, "--dice", 0), "one at least above 0"),
        (("--backbone", "no-such-network", "--pictures", 100_000), "no-such-network"),
        (("gone",), "no such path"),
    ],
)
def test_what_cannot_be_is_said_at_once(tmp_path: Path, options: tuple, message: str) -> None:
    refused = kcc("train", "segmenter", *(tmp_path if option == "SET" else option for option in options), cwd=tmp_path)
    assert refused.returncode == 1
    assert message in refused.stderr
    assert not (tmp_path / "runs").exists()
