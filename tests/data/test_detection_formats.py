"""Sets as other tools write them, and files that are wrong in all the ways that there are."""

import json
from pathlib import Path

import pytest
from boxed_sets import write_picture

from keras_cv_course.data.boxed_images import BoxedImages, Kind
from keras_cv_course.data.detection_datasets import find_boxes
from keras_cv_course.errors import DataContentError, DataFileError, DataNotFoundError


def boxes_of(data: BoxedImages) -> dict[str, list]:
    return {
        image.name: [(data.class_names[i], *box) for i, box in zip(image.class_ids, image.boxes.tolist(), strict=True)]
        for image in data.images
    }


def splits_of(data: BoxedImages) -> dict[str, set[str]]:
    return {image.name: {*image.splits} for image in data.images}


def told(data: BoxedImages) -> set[tuple[Kind, str, int]]:
    return {(problem.kind, problem.where, problem.count) for problem in data.problems}


# Pascal VOC


def voc_object(name: str = "car", corners: tuple = (1, 1, 60, 40), further: str = "") -> str:
    sides = "".join(
        f"<{side}>{value}</{side}>" for side, value in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
    )
    return f"<object><name>{name}</name>{further}<bndbox>{sides}</bndbox></object>"


def write_voc_file(path: Path, *objects: str, filename: str = "1.png", size: tuple[int, int] = (40, 60)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"<annotation><filename>{filename}</filename><size><width>{size[1]}</width><height>{size[0]}</height></size>"
        f"{''.join(objects)}</annotation>"
    )


def test_voc_counts_pixels_from_one_and_includes_the_last(tmp_path):
    write_picture(tmp_path / "JPEGImages" / "1.png")
    flags = "<difficult>1</difficult><truncated>0</truncated><pose>Left</pose>"
    write_voc_file(tmp_path / "Annotations" / "1.xml", voc_object(further=flags), voc_object("a b", (5, 6, 5, 8.5)))
    data = find_boxes(tmp_path)
    assert boxes_of(data) == {"1.png": [("car", 0, 0, 60, 40), ("a b", 4, 5, 5, 8.5)]}
    assert data.images[0].flags == ({"difficult"}, frozenset())
    assert data.left_out == ("<pose> of 1 objects",)
    assert data.images[0].written_size == (40, 60)


@pytest.mark.parametrize("filename", ["1.png", "1", "C:\\Users\\me\\1.png", "/home/me/set/1.png"])
@pytest.mark.parametrize("folder", ["JPEGImages", "images", "annotations", "."])
def test_voc_pictures_are_found_wherever_they_lie(folder, filename, tmp_path):
    write_picture(tmp_path / folder / "1.png")
    write_voc_file(tmp_path / "annotations" / "1.xml", voc_object(), filename=filename)
    assert find_boxes(tmp_path).images[0].path == tmp_path / folder / "1.png"
    if folder == "annotations":
        assert len(find_boxes(tmp_path / "annotations")) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_voc_in_the_encoding_that_the_file_declares(encoding, tmp_path):
    write_picture(tmp_path / "JPEGImages" / "1.png")
    write_voc_file(tmp_path / "Annotations" / "0.xml", filename="0.png")
    declared = encoding.removesuffix("-sig")
    declaration = f"<?xml version='1.0' encoding='{declared}'?>"
    text = f"{declaration}<annotation><filename>1.png</filename>{voc_object('Bär')}</annotation>"
    (tmp_path / "Annotations" / "1.xml").write_bytes(text.encode(encoding))
    assert find_boxes(tmp_path).class_names == ("Bär",)


def test_voc_lists(tmp_path):
    for name in "123":
        write_picture(tmp_path / "JPEGImages" / f"{name}.png")
        write_voc_file(tmp_path / "Annotations" / f"{name}.xml", voc_object(), filename=f"{name}.png")
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("1\n")
    (lists / "trainval.txt").write_text("1\n2\n9\n")
    (lists / "car_train.txt").write_text("1  1\n2 -1\n")  # which pictures show a car
    data = find_boxes(tmp_path)
    assert splits_of(data) == {"1.png": {"train", "trainval"}, "2.png": {"trainval"}, "3.png": set()}
    assert told(data) == {(Kind.LISTED_ONLY, "ImageSets/Main/trainval.txt", 1)}
    assert [image.name for image in data.part("trainval").images] == ["1.png", "2.png"]
    with pytest.raises(DataContentError, match=r"'test'.*train, trainval"):
        data.part("test")


def test_voc_problems_are_told_and_the_rest_is_read(tmp_path):
    write_picture(tmp_path / "JPEGImages" / "1.png")
    folder = tmp_path / "Annotations"
    write_voc_file(
        folder / "1.xml",
        voc_object(),
        voc_object(corners=(1, 1, "x", 3)),
        voc_object(corners=(1, "nan", 3, 3)),
        voc_object(""),
    )
    write_voc_file(folder / "again.xml", voc_object(corners=(1, 1, 2, 2)))
    write_voc_file(folder / "gone.xml", voc_object(), filename="gone.png")
    (folder / "half.xml").write_text("<annotation><object>")
    (folder / "other.xml").write_text("<project/>")
    (tmp_path / "JPEGImages" / "spoilt.png").write_bytes(b"no picture")
    write_voc_file(folder / "spoilt.xml", voc_object(), filename="spoilt.png")
    data = find_boxes(tmp_path)
    assert boxes_of(data) == {"1.png": [("car", 0, 0, 60, 40)]}
    assert told(data) == {
        (Kind.UNREADABLE, "Annotations/1.xml", 1),
        (Kind.TWICE, "Annotations/again.xml", 1),
        (Kind.MISSING, "Annotations/gone.xml", 1),
        (Kind.UNREADABLE, "Annotations/half.xml", 1),
        (Kind.UNREADABLE, "Annotations/other.xml", 1),
        (Kind.UNREADABLE_PICTURE, "JPEGImages/spoilt.png", 1),
    }
    assert sum(problem.where == "Annotations/1.xml" for problem in data.problems) == 3


def test_voc_class_list_sets_the_order_and_what_is_known(tmp_path):
    write_picture(tmp_path / "JPEGImages" / "1.png")
    write_voc_file(tmp_path / "Annotations" / "1.xml", voc_object("cat"), voc_object("cow"), voc_object("cow"))
    (tmp_path / "classes.csv").write_text("class,category_id\nzebra,7\ncat,3\n")
    data = find_boxes(tmp_path)
    assert data.class_names == ("zebra", "cat")
    assert data.category_ids == (7, 3)
    assert told(data) == {(Kind.UNKNOWN_CLASS, "Annotations/1.xml", 2)}
    (tmp_path / "classes.csv").write_text("zebra\ncat\n")
    with pytest.raises(DataContentError, match="expected the header 'class,category_id'"):
        find_boxes(tmp_path)


# COCO


def coco(images: list[dict], annotations: list[dict], categories: list[dict] | None = None) -> str:
    categories = [{"id": 3, "name": "car"}, {"id": 1, "name": "person"}] if categories is None else categories
    return json.dumps({"images": images, "annotations": annotations, "categories": categories})


ONE = {"id": 7, "file_name": "1.png", "height": 40, "width": 60}
BOX = {"id": 1, "image_id": 7, "category_id": 3, "bbox": [1.5, 2, 10, 20], "iscrowd": 0}


def write_json(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_coco_box_is_corner_and_size_and_classes_are_in_the_order_of_their_ids(tmp_path):
    write_picture(tmp_path / "images" / "1.png")
    crowd = {**BOX, "iscrowd": 1, "category_id": 1, "segmentation": [[1, 2, 3]]}
    write_json(tmp_path / "some.json", coco([ONE], [BOX, crowd]))
    data = find_boxes(tmp_path)
    assert data.class_names == ("person", "car")
    assert data.category_ids == (1, 3)
    assert boxes_of(data) == {"1.png": [("car", 1.5, 2, 11.5, 22), ("person", 1.5, 2, 11.5, 22)]}
    assert data.images[0].flagged("crowd").tolist() == [False, True]
    assert data.left_out == ("segmentation of 1 annotations",)
    assert data.splits == {}


@pytest.mark.parametrize(
    ("files", "pictures"),
    [
        (("annotations/instances_train2017.json", "annotations/instances_val2017.json"), ("train2017", "val2017")),
        (("train/_annotations.coco.json", "valid/_annotations.coco.json"), ("train", "valid")),
        (("train.json", "val.json"), ("images", "images")),
    ],
)
def test_coco_parts_by_their_names(files, pictures, tmp_path):
    for number, (file, folder) in enumerate(zip(files, pictures, strict=True), start=1):
        write_picture(tmp_path / folder / f"{number}.png")
        image = {**ONE, "file_name": f"{number}.png"}
        write_json(tmp_path / file, coco([image], [BOX]))
    write_json(tmp_path / "annotations" / "captions_train2017.json", '{"images": [], "annotations": []}')
    data = find_boxes(tmp_path)
    assert [*splits_of(data).values()] == [{"train"}, {"val"}]
    assert len(find_boxes(tmp_path / files[0])) == 1


def test_coco_problems_are_told_and_the_rest_is_read(tmp_path):
    write_picture(tmp_path / "1.png")
    wrong = [
        {**BOX, "category_id": 2},
        {**BOX, "image_id": 8},
        {**BOX, "bbox": [1, 2, 3]},
        {**BOX, "bbox": [1, 2, 3, None]},
    ]
    gone = {**ONE, "id": 9, "file_name": "gone.png"}
    write_json(tmp_path / "b.json", coco([ONE, gone], [BOX, *wrong]))
    data = find_boxes(tmp_path)
    assert boxes_of(data) == {"1.png": [("car", 1.5, 2, 11.5, 22)]}
    assert told(data) == {
        (Kind.UNKNOWN_CLASS, "b.json: 1.png", 1),
        (Kind.MISSING, "b.json: image 8", 1),
        (Kind.UNREADABLE, "b.json: 1.png", 1),
        (Kind.MISSING, "b.json: gone.png", 1),
    }
    assert len(data.problems) == 5


def test_coco_files_that_cannot_be_one_set(tmp_path):
    write_picture(tmp_path / "1.png")
    write_json(tmp_path / "train.json", coco([ONE], [BOX]))
    other = write_json(tmp_path / "val.json", coco([ONE], [], [{"id": 3, "name": "bus"}]))
    with pytest.raises(DataContentError, match=r"expected category 3 to be 'car'.*'bus'"):
        find_boxes(tmp_path)
    other.write_text(coco([ONE], [{"id": 1, "bbox": [1, 2, 3, 4]}]))
    with pytest.raises(DataContentError, match="KeyError: 'image_id'"):
        find_boxes(other)
    other.write_text('{"images": [')
    with pytest.raises(DataFileError, match="expected a JSON file"):
        find_boxes(other)
    (tmp_path / "train.json").write_text(
        coco([ONE], [BOX]).partition('"categories"')[0]
    )  # cut off before its last list
    other.unlink()
    with pytest.raises(DataFileError, match=r"train\.json: expected a JSON file"):
        find_boxes(tmp_path)
    other.write_text('{"images": [], "licenses": 1}')
    with pytest.raises(DataContentError, match="Received: images, licenses"):
        find_boxes(other)


# YOLO


def yolo(root: Path, settings: str, **labels: str) -> None:
    (root / "data.yaml").write_text(settings)
    for name, text in labels.items():
        path = root / "labels" / f"{name.replace('__', '/')}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        write_picture(root / "images" / f"{name.replace('__', '/')}.png")


def test_yolo_box_is_centre_and_size_as_parts_of_the_picture(tmp_path):
    yolo(tmp_path, "names: {0: car, 1: bus}\ntrain: images\nval: images\n", one="1 0.5 0.25 0.5 0.25\n", none="")
    data = find_boxes(tmp_path)
    assert boxes_of(data) == {"none.png": [], "one.png": [("bus", 15, 5, 45, 15)]}
    assert data.splits == {}  # the same for both: not divided


@pytest.mark.parametrize(
    "parts",
    [
        "train: images/train\nval: images/val",
        "train: ../images/train\nval: ../images/val",
        "path: .\ntrain: [images/train]\nval: val.txt",
        "path: /gone/elsewhere\ntrain: images/train\nval: images/val",
    ],
)
def test_yolo_parts_are_folders_or_lists(parts, tmp_path):
    labels = {"train__1": "0 .5 .5 1 1", "val__2": "", "rest__3": "0 .5 .5 .5 .5"}
    yolo(tmp_path, f"nc: 1\nnames: ['car']\n{parts}\nroboflow: {{version: 2}}\n", **labels)
    write_picture(tmp_path / "images" / "rest" / "unlabelled.png")
    write_picture(tmp_path / "images" / "train" / "background.png")
    (tmp_path / "val.txt").write_text("./images/val/2.png\n")
    data = find_boxes(tmp_path)
    assert splits_of(data) == {
        "rest/3.png": set(),
        "train/1.png": {"train"},
        "train/background.png": {"train"},
        "val/2.png": {"val"},
    }


def test_yolo_labels_beside_the_pictures(tmp_path):
    write_picture(tmp_path / "all" / "1.png")
    (tmp_path / "all" / "1.txt").write_text("0 .5 .5 1 1\n")
    (tmp_path / "data.yaml").write_text("names: [car]\ntrain: all\n")
    assert boxes_of(find_boxes(tmp_path)) == {"all/1.png": [("car", 0, 0, 60, 40)]}


def test_yolo_problems_are_told_and_the_rest_is_read(tmp_path):
    lines = [
        "0 .5 .5 1 1",
        "2 .5 .5 1 1",
        "-1 .5 .5 1 1",
        "0 .5 .5 1",
        "0 0 0 1 0 1 1",
        "0.5 .5 .5 1 1",
        "car .5 .5 1 1",
        "0 .5 .5 inf 1",
    ]
    yolo(tmp_path, "names: [car]\ntrain: list.txt\n", a="\n".join(lines))
    (tmp_path / "list.txt").write_text("images/a.png\nimages/gone.png\n")
    data = find_boxes(tmp_path)
    assert boxes_of(data) == {"a.png": [("car", 0, 0, 60, 40)]}
    assert told(data) == {
        (Kind.UNKNOWN_CLASS, "labels/a.txt", 1),
        (Kind.UNREADABLE, "labels/a.txt", 1),
        (Kind.MISSING, "list.txt", 1),
    }
    assert len(data.problems) == 2 + 5 + 1


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ("names: [car]\ntrain: gone\n", DataNotFoundError, "expected train to name a folder"),
        ("train: images\nnames:\n", DataContentError, "expected names as a list"),
        ("names: {1: car}\n", DataContentError, "numbered from 0"),
        ("names: [car, car]\n", DataContentError, "each class name once"),
        ("names: [car\n", DataFileError, "expected a YAML file"),
        ("names", DataContentError, "expected keys such as names"),
        ("names: [car]\ncategory_ids: 3\n", DataContentError, "expected category_ids"),
    ],
)
def test_yolo_settings_that_cannot_be(settings, error, message, tmp_path):
    yolo(tmp_path, settings, a="0 .5 .5 1 1")
    with pytest.raises(error, match=message):
        find_boxes(tmp_path)


def test_yolo_without_labels_says_where_they_belong(tmp_path):
    write_picture(tmp_path / "images" / "1.png")
    (tmp_path / "data.yaml").write_text("names: [car]\ntrain: images\n")
    with pytest.raises(DataNotFoundError, match=r"labels/1\.txt"):
        find_boxes(tmp_path)


def test_yolo_flags_of_another_form(tmp_path):
    yolo(tmp_path, "names: [car]\ntrain: images\n", a="0 .5 .5 1 1")
    (tmp_path / "flags.csv").write_text("image,box,flags\nimages/a.png,1,shiny\n")
    with pytest.raises(DataContentError, match="flags among difficult"):
        find_boxes(tmp_path)


# CSV


@pytest.mark.parametrize(
    "text",
    [
        "1.png,car,1,2,3,4\n2.png,,,,,\n",
        "1.png,1,2,3,4,car\n2.png,,,,,\n",
        "2.png,,,,,\n1.png,1,2,3,4,car\n",
        "image,class,x1,y1,x2,y2\n1.png,car,1,2,3,4\n2.png,,,,,\n",
        "filename,width,height,class,xmin,ymin,xmax,ymax\n1.png,60,40,car,1,2,3,4\n2.png,60,40,,,,,\n",
        "\ufeffX1, Y1, X2, Y2, Label, File name\r\n1,2,3,4,car,1.png\r\n,,,,,2.png\r\n",
    ],
)
def test_csv_columns(text, tmp_path):
    for name in "12":
        write_picture(tmp_path / f"{name}.png")
    (tmp_path / "set.csv").write_text(text, encoding="utf-8")
    assert boxes_of(find_boxes(tmp_path)) == {"1.png": [("car", 1, 2, 3, 4)], "2.png": []}


def test_csv_class_that_is_a_number(tmp_path):
    write_picture(tmp_path / "1.png")
    (tmp_path / "set.csv").write_text("1.png,7,1,2,3,4\n")
    assert boxes_of(find_boxes(tmp_path)) == {"1.png": [("7", 1, 2, 3, 4)]}  # the order of the issue first


def test_csv_parts(tmp_path):
    for name in "12":
        write_picture(tmp_path / f"{name}.png")
    (tmp_path / "train_labels.csv").write_text("1.png,car,1,2,3,4\n")
    (tmp_path / "val_labels.csv").write_text("2.png,car,1,2,3,4\n")
    (tmp_path / "prices.csv").write_text("a,b\n1,2\n")  # another table
    assert splits_of(find_boxes(tmp_path)) == {"1.png": {"train"}, "2.png": {"val"}}


def test_csv_problems_are_told_and_the_rest_is_read(tmp_path):
    write_picture(tmp_path / "1.png")
    lines = ["1.png,car,1,2,3,4", "1.png,car,1,2,3,", "1.png,,1,2,3,4", "1.png,car,1,2,3,inf", "gone.png,car,1,2,3,4"]
    (tmp_path / "set.csv").write_text("image,class,x1,y1,x2,y2\n" + "\n".join(lines))
    data = find_boxes(tmp_path)
    assert boxes_of(data) == {"1.png": [("car", 1, 2, 3, 4)]}
    assert told(data) == {(Kind.UNREADABLE, "set.csv: 1.png", 1), (Kind.MISSING, "set.csv: gone.png", 1)}
    assert len(data.problems) == 4


def test_csv_with_other_columns(tmp_path):
    write_picture(tmp_path / "1.png")
    (tmp_path / "set.csv").write_text("a,b,c\n1,2,3\n")
    with pytest.raises(DataContentError, match="expected the columns image, class"):
        find_boxes(tmp_path / "set.csv")


# What all share


def test_pictures_of_one_name_are_told_apart_by_their_folders(tmp_path):
    for folder in ("train", "val"):
        write_picture(tmp_path / folder / "1.png")
    (tmp_path / "set.csv").write_text("/old/place/val/1.png,car,1,2,3,4\n1.png,car,1,2,3,4\ntrain/1.png,car,5,6,7,8\n")
    data = find_boxes(tmp_path)
    assert boxes_of(data) == {"train/1.png": [("car", 5, 6, 7, 8)], "val/1.png": [("car", 1, 2, 3, 4)]}
    assert [problem.detail for problem in data.problems] == ["'1.png' may be any of 2 pictures of that name"]


def test_names_that_become_one_without_their_picture_folders(tmp_path):
    for folder in ("images", "JPEGImages"):
        write_picture(tmp_path / folder / "1.png")
    (tmp_path / "set.csv").write_text("images/1.png,car,1,2,3,4\nJPEGImages/1.png,car,1,2,3,4\n")
    with pytest.raises(DataContentError, match="pictures with different names"):
        find_boxes(tmp_path)
