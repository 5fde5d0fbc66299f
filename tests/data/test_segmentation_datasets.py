"""Sets with masks, written by hand as each format has them, read, and written again."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from boxed_sets import contents, write_picture
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from keras_cv_course.data.boxed_images import BoxedImage, Kind
from keras_cv_course.data.detection_datasets import find_boxes
from keras_cv_course.data.detection_formats.segments import read_segment
from keras_cv_course.data.masked_images import IGNORED, MaskedImage, MaskedImages, class_map
from keras_cv_course.data.segmentation_datasets import find_masks, write_coco_masks
from keras_cv_course.errors import DataContentError, DataNotFoundError
from keras_cv_course.run_lengths import encode_masks, to_json

SIZE = (40, 60)


def rectangle(x1: int, y1: int, x2: int, y2: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    mask = np.zeros(size, bool)
    mask[y1:y2, x1:x2] = True
    return mask


def runs(mask: np.ndarray) -> list[int]:
    """Count pixels down the columns, one by one: COCO's uncompressed run lengths."""
    counts, value = [0], False
    for pixel in mask.ravel(order="F").tolist():
        if pixel != value:
            counts.append(0)
            value = pixel
        counts[-1] += 1
    return counts


def annotation(number: int, category: int, box: list[float], segmentation: object, crowd: int = 0) -> dict:
    entry = {"id": number, "image_id": 1, "category_id": category, "bbox": box, "iscrowd": crowd}
    return entry if segmentation is None else {**entry, "segmentation": segmentation}


def write_coco_file(root: Path, *annotations: dict) -> None:
    write_picture(root / "images" / "1.png")
    images = [{"id": 1, "file_name": "1.png", "height": 40, "width": 60}]
    categories = [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}]
    content = {"images": images, "annotations": [*annotations], "categories": categories}
    (root / "annotations").mkdir(exist_ok=True)
    (root / "annotations" / "instances_train.json").write_text(json.dumps(content))


@pytest.fixture
def coco_set(tmp_path: Path) -> Path:
    """One object of two polygons, one as compressed run lengths, and a crowd as uncompressed ones."""
    polygons = [[5, 5, 15, 5, 15, 25, 5, 25], [20.0, 5.0, 30.0, 5.0, 30.0, 25.0]]
    compressed = to_json(encode_masks(rectangle(40, 10, 50, 30)[None])[0])
    crowd = {"size": [40, 60], "counts": runs(rectangle(35, 0, 60, 20))}
    write_coco_file(
        tmp_path,
        annotation(1, 3, [5, 5, 25, 20], polygons),
        annotation(2, 7, [40, 10, 10, 20], compressed),
        annotation(3, 7, [35, 0, 25, 20], crowd, crowd=1),
    )
    return tmp_path


def test_coco(coco_set: Path) -> None:
    data = find_masks(coco_set)
    assert (data.format, data.class_names, data.splits, data.problems) == ("coco", ("cat", "dog"), {"train": 1}, ())
    assert data.left_out == ()
    (image,) = data.images
    assert isinstance(image, MaskedImage)
    polygons, one, crowd = image.decode_masks()
    np.testing.assert_array_equal(polygons[:, :20], rectangle(5, 5, 15, 25)[:, :20])  # whole pixels: exact
    triangle = polygons[:, 20:].sum()
    assert triangle == pytest.approx(100, abs=15)  # half of 10 x 20; pixels on its edges
    np.testing.assert_array_equal(one, rectangle(40, 10, 50, 30))
    np.testing.assert_array_equal(crowd, rectangle(35, 0, 60, 20))
    np.testing.assert_array_equal(image.boxes, [[5, 5, 30, 25], [40, 10, 50, 30], [35, 0, 60, 20]])
    np.testing.assert_array_equal(image.flagged("crowd"), [False, False, True])
    # The same boxes as without masks.
    boxed = find_boxes(coco_set)
    assert contents(boxed) == contents(data)
    assert boxed.left_out == ("segmentation of 3 annotations",)


def test_class_maps_of_crowds_and_of_overlaps(coco_set: Path) -> None:
    (image,) = find_masks(coco_set).images
    found = image.class_map()
    assert (found.dtype, found.shape) == (np.uint8, SIZE)
    assert (found[10, 10], found[15, 45], found[2, 2], found[25, 45]) == (1, 2, 0, 2)
    assert (found[rectangle(35, 0, 40, 20)] == IGNORED).all()
    big, small = rectangle(0, 0, 40, 40), rectangle(10, 10, 20, 20)
    for order in ([0, 1], [1, 0]):  # the smaller lies over the larger
        expected = np.where(small, 6, np.where(big, 1, 0))
        np.testing.assert_array_equal(class_map(np.stack([big, small])[order], np.array([0, 5])[order]), expected)
    np.testing.assert_array_equal(class_map(np.zeros((0, 2, 3), bool), np.zeros(0, np.int64)), np.zeros((2, 3)))
    with pytest.raises(
        DataContentError, match=r"a class id from 0 to 253 for each of 1 masks. Received: 1, the highest"
    ):
        class_map(big[None], np.array([254]))


def test_there_and_back(coco_set: Path, tmp_path: Path) -> None:
    data = find_masks(coco_set)
    write_coco_masks(data, tmp_path / "first")
    again = find_masks(tmp_path / "first")
    assert contents(again) == contents(data)
    assert [image.masks for image in again.images] == [image.masks for image in data.images]
    write_coco_masks(again, tmp_path / "second")
    files = [tmp_path / name / "annotations" / "instances_train.json" for name in ("first", "second")]
    assert files[0].read_bytes() == files[1].read_bytes()
    written = json.loads(files[0].read_text())["annotations"]
    assert [entry["area"] for entry in written] == [int(mask.sum()) for mask in data.images[0].decode_masks()]


@pytest.mark.parametrize(
    ("segmentation", "kind", "detail"),
    [
        (None, Kind.NO_MASK, "a box alone"),
        ([], Kind.NO_MASK, "a box alone"),
        ([[1, 2, 3, 4]], Kind.UNREADABLE, "no polygon with three corners"),
        ([[1, 2, 3, 4, 5, 6, 7]], Kind.UNREADABLE, "no list of pairs"),
        ([[1, 2, 3, 4, 5, "x"]], Kind.UNREADABLE, "mask: could not convert"),
        ([[1, 2, 3, 4, 5, float("nan")]], Kind.UNREADABLE, "far outside"),
        ([[1, 2, 3, 4, 5, 1e9]], Kind.UNREADABLE, "far outside"),
        ([[1, 2, 3, 4, 5, 10**400]], Kind.UNREADABLE, "too large"),
        ({"size": [60, 40], "counts": "0"}, Kind.UNREADABLE, r"\[60, 40\] on a picture of \(40, 60\)"),
        ({"size": [40, 60], "counts": [2399]}, Kind.UNREADABLE, "not the picture's pixels"),
        ({"size": [40, 60], "counts": [2401, -1]}, Kind.UNREADABLE, "not the picture's pixels"),
        ({"size": [40, 60]}, Kind.UNREADABLE, "run lengths as NoneType"),
        ({"size": [40, 60], "counts": "oooooooo"}, Kind.UNREADABLE, "without their end"),
        ({"size": [40, 60], "counts": "11"}, Kind.UNREADABLE, "not the picture's pixels"),
        ({"size": [40, 60], "counts": "ß"}, Kind.UNREADABLE, "characters that are none of theirs"),
        ("polygon", Kind.UNREADABLE, "a mask as str"),
    ],
)
def test_what_is_no_mask_is_told(segmentation: object, kind: Kind, detail: str, tmp_path: Path) -> None:
    good = annotation(1, 3, [5, 5, 10, 20], [[5, 5, 15, 5, 15, 25, 5, 25]])
    write_coco_file(tmp_path, good, annotation(2, 7, [1, 1, 5, 5], segmentation))
    data = find_masks(tmp_path)
    assert [len(image) for image in data.images] == [1]
    (problem,) = data.problems
    assert problem.kind == kind
    assert re.search(detail, problem.detail)


@given(st.integers(0, 2**32 - 1), st.sampled_from([(1, 1), (3, 4), (40, 60), (300, 2)]), st.floats(0, 1))
def test_run_lengths_are_read_as_pycocotools_writes_them(seed: int, size: tuple[int, int], share: float) -> None:
    pixels = np.random.default_rng(seed).random(size) < share
    pixels[: size[0] // 2] = share > 0.5  # long runs beside short ones
    (expected,) = encode_masks(pixels[None])
    assert read_segment(to_json(expected), size) == expected
    assert read_segment({"size": [*size], "counts": runs(pixels)}, size) == expected
    assert read_segment(pixels, size) == expected


def write_voc_set(root: Path, *, objects: bool = True) -> tuple[np.ndarray, np.ndarray]:
    write_picture(root / "JPEGImages" / "a.png")
    classes, numbers = np.zeros(SIZE, np.uint8), np.zeros(SIZE, np.uint8)
    for number, (class_number, x) in enumerate([(15, 5), (15, 25), (7, 45)], start=1):
        classes[10:30, x : x + 10] = numbers[10:30, x : x + 10] = IGNORED
        classes[11:29, x + 1 : x + 9], numbers[11:29, x + 1 : x + 9] = class_number, number
    for folder, pixels in (("SegmentationClass", classes), ("SegmentationObject", numbers)):
        if objects or folder == "SegmentationClass":
            image = Image.fromarray(pixels)
            image.putpalette([*range(256)] * 3)
            (root / folder).mkdir()
            image.save(root / folder / "a.png")
    (root / "ImageSets" / "Segmentation").mkdir(parents=True)
    (root / "ImageSets" / "Segmentation" / "val.txt").write_text("a\n")
    return classes, numbers


def test_voc(tmp_path: Path) -> None:
    classes, numbers = write_voc_set(tmp_path)
    data = find_masks(tmp_path)
    assert (data.format, data.splits, data.problems, len(data.class_names)) == ("voc", {"val": 1}, (), 20)
    (image,) = data.images
    assert [data.class_names[number] for number in image.class_ids] == ["person", "person", "car"]
    np.testing.assert_array_equal(image.decode_masks(), [numbers == number for number in (1, 2, 3)])
    np.testing.assert_array_equal(image.boxes, [[6, 11, 14, 29], [26, 11, 34, 29], [46, 11, 54, 29]])
    np.testing.assert_array_equal(image.class_map(), classes)  # VOC's own numbers, borders too


def test_voc_without_objects(tmp_path: Path) -> None:
    classes, _ = write_voc_set(tmp_path, objects=False)
    (tmp_path / "classes.csv").write_text("class,category_id\n" + "".join(f"c{n},{n}\n" for n in range(1, 16)))
    (image,) = find_masks(tmp_path).images
    assert sorted(image.class_ids.tolist()) == [6, 14]
    np.testing.assert_array_equal(image.class_map(), classes)


def test_voc_files_that_cannot_be_used(tmp_path: Path) -> None:
    write_voc_set(tmp_path)
    write_picture(tmp_path / "JPEGImages" / "b.png")
    write_picture(tmp_path / "SegmentationClass" / "b.png")  # in colours
    write_picture(tmp_path / "JPEGImages" / "c.png")
    Image.new("L", (7, 5)).save(tmp_path / "SegmentationClass" / "c.png")
    Image.new("L", (60, 40)).save(tmp_path / "SegmentationClass" / "lost.png")
    write_picture(tmp_path / "JPEGImages" / "d.png")
    Image.fromarray(np.where(rectangle(5, 5, 9, 9), np.uint8(77), np.uint8(0))).save(
        tmp_path / "SegmentationClass" / "d.png"
    )
    data = find_masks(tmp_path)
    assert [image.name for image in data.images] == ["a.png", "d.png"]
    told = {problem.where: (problem.kind, problem.detail) for problem in data.problems}
    assert told["SegmentationClass/b.png"][0] == Kind.UNREADABLE
    assert "mode RGB" in told["SegmentationClass/b.png"][1]
    assert "(5, 7)" in told["SegmentationClass/c.png"][1]
    assert told["SegmentationClass/lost.png"][0] == Kind.MISSING
    assert told["SegmentationClass/d.png"][0] == Kind.UNKNOWN_CLASS


def test_voc_pictures_of_one_name_keep_their_own_masks(tmp_path: Path) -> None:
    for part, class_number in (("train", 1), ("val", 2)):
        write_picture(tmp_path / "JPEGImages" / part / "1.png")
        (tmp_path / "SegmentationClass" / part).mkdir(parents=True)
        classes = np.where(rectangle(5, 5, 9, 9), np.uint8(class_number), np.uint8(0))
        Image.fromarray(classes).save(tmp_path / "SegmentationClass" / part / "1.png")
    data = find_masks(tmp_path)
    assert {image.name: image.class_ids.tolist() for image in data.images} == {"train/1.png": [0], "val/1.png": [1]}


def test_a_huge_file_of_masks_is_told_before_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_voc_set(tmp_path)
    write_picture(tmp_path / "JPEGImages" / "b.png")
    Image.new("L", (61, 41)).save(tmp_path / "SegmentationClass" / "b.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 61 * 41 // 2 - 1)  # a bomb of its size, by Pillow's measure
    data = find_masks(tmp_path)
    assert [image.name for image in data.images] == ["a.png"]
    assert [(problem.where, problem.kind) for problem in data.problems] == [
        ("SegmentationClass/b.png", Kind.UNREADABLE)
    ]


def shape(label: str, kind: str, *points: tuple[float, ...], group: int | None = None, **flags: bool) -> dict:
    return {"label": label, "shape_type": kind, "points": [*points], "group_id": group, "flags": flags}


def write_labelme(root: Path, *shapes: dict) -> None:
    write_picture(root / "1.png")
    content = {"version": "5.0", "shapes": [*shapes], "imagePath": "..\\elsewhere\\1.png", "imageData": None}
    (root / "1.json").write_text(json.dumps({**content, "imageHeight": 40, "imageWidth": 60}))


def test_labelme(tmp_path: Path) -> None:
    write_labelme(
        tmp_path / "train",
        shape("dog", "rectangle", (5, 5), (15, 25), difficult=True),
        shape("cat", "polygon", (20, 5), (30, 5), (30, 25), (20, 25), group=1),
        shape("cat", "polygon", (40, 5), (50, 5), (50, 25), (40, 25), group=1),
        shape("ball", "circle", (30, 32), (36, 32)),
        shape("line", "line", (0, 0), (9, 9)),
        shape("odd", "polygon", (0, 0), (9, 9), (5,)),
    )
    data = find_masks(tmp_path)
    assert (data.format, data.class_names, data.splits) == ("labelme", ("ball", "cat", "dog"), {"train": 1})
    assert [problem.detail for problem in data.problems] == [
        "'line': a line of 2 points has no area that is known",
        "'odd': a polygon with a point that is no pair of numbers",
    ]
    (image,) = data.images
    assert [data.class_names[number] for number in image.class_ids] == ["dog", "cat", "ball"]
    dog, cat, ball = image.decode_masks()
    np.testing.assert_array_equal(dog, rectangle(5, 5, 15, 25))
    np.testing.assert_array_equal(cat, rectangle(20, 5, 30, 25) | rectangle(40, 5, 50, 25))
    disc = Image.new("L", (600, 400))
    ImageDraw.Draw(disc).ellipse((240, 260, 360, 380), fill=1)
    expected = np.asarray(disc).reshape(40, 10, 60, 10).mean(axis=(1, 3)) > 0.5
    assert (ball != expected).sum() <= 6  # pixels on the edge, of 113
    np.testing.assert_allclose(image.boxes[1], [20, 5, 50, 25])
    assert image.flags[0] == {"difficult"}


def test_labelme_files_that_cannot_be_read(tmp_path: Path) -> None:
    write_labelme(tmp_path, shape("dog", "rectangle", (5, 5), (15, 25)))
    huge = json.dumps({"imagePath": "1.png", "shapes": [shape("dog", "polygon", (0, 0), (9, 9), (0, 10**400))]})
    for name, text in (("4", huge), ("2", '{"shapes": 3, "imagePath": "1.png"}'), ("3", '{"shapes" "imagePath"')):
        (tmp_path / f"{name}.json").write_text(text)
    data = find_masks(tmp_path)
    assert len(data) == 1
    assert [(problem.where, problem.kind) for problem in data.problems] == [
        ("2.json", Kind.UNREADABLE),
        ("3.json", Kind.UNREADABLE),
        ("4.json", Kind.UNREADABLE),
    ]


def write_boxes_only(root: Path) -> None:
    write_coco_file(root, annotation(1, 3, [5, 5, 10, 20], None))


def write_two(root: Path) -> None:
    write_voc_set(root)
    write_labelme(root, shape("dog", "rectangle", (5, 5), (15, 25)))


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda root: None, r"Received: a folder with nothing in it"),
        (write_boxes_only, r"expected masks as COCO \(JSON files with segmentation\), Pascal VOC"),
        (write_two, r"expected masks in one format. Received: Pascal VOC .* and Labelme"),
    ],
)
def test_nothing_to_read(write: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises((DataNotFoundError, DataContentError), match=message):
        find_masks(tmp_path)


def masked(*masks: np.ndarray) -> MaskedImage:
    count = len(masks)
    boxes = np.array([[0, 0, 5 + number, 5] for number in range(count)], np.float32).reshape(-1, 4)
    flags = (frozenset[str](),) * count
    rles = encode_masks(np.array(masks, bool).reshape(-1, *SIZE))
    return MaskedImage("1.png", Path("1.png"), SIZE, boxes, np.zeros(count, np.int64), flags, masks=rles)


def test_masks_go_with_their_boxes() -> None:
    image = masked(rectangle(0, 0, 5, 5), rectangle(0, 0, 0, 0), rectangle(0, 0, 7, 5))
    data = MaskedImages(Path(), (image,), ("cat",), (1,), "drawn")
    np.testing.assert_array_equal(image.take(np.array([2, 0])).decode_masks(), image.decode_masks()[[2, 0]])
    (usable,) = data.usable().images  # without the mask that has no pixel
    np.testing.assert_array_equal(usable.decode_masks(), image.decode_masks()[[0, 2]])
    np.testing.assert_array_equal(usable.boxes, image.boxes[[0, 2]])
    assert isinstance(data.take([0]), MaskedImages)


def test_masks_must_fit() -> None:
    image = masked(rectangle(0, 0, 5, 5))
    with pytest.raises(DataContentError, match=r"1.png: expected a mask for each of 1 boxes. Received: 0"):
        replace(image, masks=())
    other = encode_masks(np.zeros((1, 60, 40), bool))
    with pytest.raises(DataContentError, match=r"\(40, 60\). Received: one of \(60, 40\)"):
        replace(image, masks=other)
    with pytest.raises(DataContentError, match=r"\(40, 60\). Received: one of \(60, 40\)"):
        replace(image, ignored=other[0])
    assert isinstance(image, BoxedImage)
