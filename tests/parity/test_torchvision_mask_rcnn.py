"""Our Mask R-CNN against torchvision's ``maskrcnn_resnet50_fpn`` with the same weights: from the pyramid to the masks.

The weights come from a seed, through a state dict and a file. torchvision computes in float64. Where it is not
installed, its results for one small picture are read from ``torchvision_mask_rcnn.npz``. With torchvision, this writes
that file anew:

    python tests/parity/test_torchvision_mask_rcnn.py
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from safetensors.numpy import save_file

from keras_cv_course.convert.torchvision_mask_rcnn import load_torchvision_mask_rcnn
from keras_cv_course.errors import ModelError, WeightsError
from keras_cv_course.models.instance_segmenter import InstanceSegmenter

GOLDEN = Path(__file__).with_name("torchvision_mask_rcnn.npz")
CLASSES, SIZE = 4, (128, 192)
LEVELS = ("0", "1", "2", "3")
SMALLER = {"fpn": 0.5, "box_predictor.cls_score": 1.5, "bbox_pred": 0.1}  # weights, by a part of their name
SAMPLES = 200  # numbers kept of a feature map

# Largest difference of a map, divided by its largest number: float32 after some 60 convolutions in a row. Measured on a
# CPU (torchvision 0.29, TensorFlow 2.21): at most 1.9e-6.
MAP_TOLERANCE = 2e-5
# Of scores, and of boxes in pixels: what the maps' rounding makes of numbers that pass through an exponent.
SCORE_TOLERANCE, BOX_TOLERANCE = 1e-4, 0.02


def seeded_state(listing: list[str]) -> dict[str, np.ndarray]:
    """Make a state dict from lines such as ``rpn.head.conv.0.0.bias 256``; the stream of a RandomState is frozen."""
    draw = np.random.RandomState(3)
    state = {}
    for line in listing:
        name, *sizes = line.split()
        shape = tuple(map(int, sizes))
        if name.endswith("num_batches_tracked"):
            state[name] = np.array(1000)
        elif len(shape) > 1:
            # So that maps keep their size, and that scores are neither all alike nor all near 0 and 1.
            factor = next((small for part, small in SMALLER.items() if part in name), 1.0)
            largest = factor * np.sqrt(6 / np.prod(shape[1:]))
            state[name] = draw.uniform(-largest, largest, shape).astype(np.float32)
        elif name.endswith("running_var"):
            state[name] = draw.uniform(0.5, 1.5, shape).astype(np.float32)
        elif "bn" in name or "downsample.1" in name:
            low, high = (0.3, 0.9) if name.endswith("weight") else (-0.2, 0.2)
            state[name] = draw.uniform(low, high, shape).astype(np.float32)
        else:
            state[name] = draw.uniform(-0.1, 0.1, shape).astype(np.float32)
    return state


def seeded_image() -> np.ndarray:
    """Draw soft spots, float32 (height, width, 3), 0..255."""
    coarse = np.random.RandomState(4).uniform(0, 255, (8, 12, 3))
    return np.repeat(np.repeat(coarse, SIZE[0] // 8, axis=0), SIZE[1] // 12, axis=1).astype(np.float32)


def sample(values: np.ndarray) -> np.ndarray:
    flat = values.ravel()
    return flat[np.linspace(0, len(flat) - 1, SAMPLES).astype(int)]


def make_golden() -> dict[str, np.ndarray]:
    """Let torchvision compute."""
    import torch
    from torchvision.models.detection import maskrcnn_resnet50_fpn
    from torchvision.models.detection.image_list import ImageList

    network = maskrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=1 + CLASSES).eval()
    listing = [" ".join(map(str, (name, *tensor.shape))) for name, tensor in network.state_dict().items()]
    network.load_state_dict({name: torch.from_numpy(array) for name, array in seeded_state(listing).items()})
    for module in network.backbone.body.modules():
        if hasattr(module, "eps"):
            module.eps = 0.0
    network.double()
    image = torch.from_numpy(seeded_image()).permute(2, 0, 1).double() / 255
    mean, deviation = (torch.tensor(x)[:, None, None] for x in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    batch = ((image - mean) / deviation)[None]
    with torch.inference_mode():
        maps = network.backbone(batch)
        proposals, _ = network.rpn(ImageList(batch, [SIZE]), maps)
        [found], _ = network.roi_heads(maps, proposals, [SIZE])
    golden: dict[str, Any] = {f"map {level}": sample(maps[level].permute(0, 2, 3, 1).numpy()) for level in LEVELS}
    golden |= {"proposals": proposals[0], "boxes": found["boxes"], "scores": found["scores"]}
    golden |= {"labels": found["labels"], "masks": found["masks"][:, 0, ::3, ::3]}
    golden = {name: np.asarray(value) for name, value in golden.items()}
    golden = {name: x.astype(np.float32) if x.dtype == np.float64 else x for name, x in golden.items()}
    return {**golden, "listing": np.array(listing)}


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN) as stored:
        return dict(stored)


@pytest.fixture(scope="module")
def segmenter(golden: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> InstanceSegmenter:
    path = tmp_path_factory.mktemp("weights") / "weights.safetensors"
    state = seeded_state(list(golden["listing"]))
    # The published file has earlier names; of both kinds here, to read both.
    save_file({name.replace(".0.0.", ".0.") if "fpn" in name else name: array for name, array in state.items()}, path)
    segmenter = load_torchvision_mask_rcnn(path, image_size=SIZE)
    path.unlink()
    return segmenter


def test_same_as_torchvision_was(golden: dict[str, np.ndarray], segmenter: InstanceSegmenter) -> None:
    model = segmenter.model
    maps, (proposals, likely) = parts_of(model)(seeded_image()[None])
    for level, values in zip(LEVELS, maps, strict=True):
        theirs = golden[f"map {level}"]
        difference = np.abs(sample(np.asarray(values)) - theirs).max() / np.abs(theirs).max()
        print(f"map {level}: {difference:.1e}")
        assert difference < MAP_TOLERANCE
    there = np.asarray(proposals)[np.asarray(likely) > 0]
    assert len(there) == len(golden["proposals"])
    np.testing.assert_allclose(there, golden["proposals"], atol=BOX_TOLERANCE)

    found = {name: np.asarray(values)[0] for name, values in model(seeded_image()[None]).items()}
    count = int((found["scores"] > 0).sum())
    assert count == len(golden["scores"]) > 5
    np.testing.assert_allclose(found["scores"][:count], golden["scores"], atol=SCORE_TOLERANCE)
    np.testing.assert_array_equal(found["class_ids"][:count] + 1, golden["labels"])
    np.testing.assert_allclose(found["boxes"][:count], golden["boxes"], atol=BOX_TOLERANCE)
    np.testing.assert_allclose(found["masks"][:count, ::3, ::3], golden["masks"], atol=SCORE_TOLERANCE)


def parts_of(model: keras.Model) -> keras.Model:
    """Give a model that also tells the maps and the proposals."""
    regions = model.get_layer("mask_regions").input  # boxes, and the maps of all levels but the coarsest
    return keras.Model(model.input, [regions[1:], model.get_layer("propose_boxes").output])


def test_another_network_is_refused_with_both_sides_listed(tmp_path: Path) -> None:
    state = {
        "roi_heads.box_predictor.cls_score.weight": np.zeros((1 + CLASSES, 1024), np.float32),
        "rpn.head.bbox_pred.bias": np.zeros(9, np.float32),
        "rpn.head.other": np.zeros(1, np.float32),
    }
    save_file(state, tmp_path / "a.safetensors")
    with pytest.raises(WeightsError) as refused:
        load_torchvision_mask_rcnn(tmp_path / "a.safetensors", image_size=SIZE)
    for part in ("maskrcnn_resnet50_fpn", "backbone.body.bn1.bias", "rpn.head.other", "expected (12,), received (9,)"):
        assert part in str(refused.value)
    with pytest.raises(ModelError, match="expected 4 class names"):
        load_torchvision_mask_rcnn(tmp_path / "a.safetensors", ("one",), SIZE)
    with pytest.raises(ModelError, match="multiples of 64"):
        load_torchvision_mask_rcnn(tmp_path / "a.safetensors", image_size=(100, 128))
    save_file({"conv1.weight": np.zeros((1, 1), np.float32)}, tmp_path / "b.safetensors")
    with pytest.raises(WeightsError, match="expected torchvision's Mask R-CNN"):
        load_torchvision_mask_rcnn(tmp_path / "b.safetensors")


def test_stored_results_are_torchvision_s(golden: dict[str, np.ndarray]) -> None:
    pytest.importorskip("torchvision")
    fresh = make_golden()
    assert fresh.keys() == golden.keys()
    for name, values in fresh.items():
        if values.dtype == np.float32:
            np.testing.assert_allclose(values, golden[name], rtol=1e-5, atol=1e-6)
        else:
            np.testing.assert_array_equal(values, golden[name])


if __name__ == "__main__":
    np.savez_compressed(GOLDEN, **make_golden())
