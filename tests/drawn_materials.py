"""What a learner's folder gets beside the notebook is whole."""

from pathlib import Path

from PIL import Image

from keras_cv_course.data.detection_datasets import find_boxes
from keras_cv_course.data.signs import read_signs
from keras_cv_course.lessons.materials import MATERIALS


def check_material(name: str, folder: Path, shown: list[int]) -> None:
    """Look at a material in the folder that it was drawn into, and at the numbers that its progress went through."""
    assert shown == list(range(1, MATERIALS[name].count + 1))
    check_pictures(folder)
    if name == "signs":
        for part in ("train", "test"):
            assert len(read_signs(folder / "datasets", part).data.images) > 100
    if name == "scenes":
        scenes = find_boxes(folder / "scenes")
        assert scenes.problems == ()
        assert {len(image) for image in scenes.images} == {0, 1}
        assert scenes.class_names == ("pedestrian", "car", "motorcycle")
    if name == "pictures":
        counts = {path.name: len(list(path.iterdir())) for path in (folder / "pictures").iterdir()}
        assert counts == {"open_hand": 80, "not_open_hand": 80}


def check_pictures(folder: Path) -> None:
    """Look at the pictures that come as files."""
    pictures = [path for path in folder.rglob("*") if path.suffix in (".png", ".jpg")]
    assert pictures
    for picture in pictures:
        with Image.open(picture) as opened:
            assert opened.mode == "RGB"
            assert min(opened.size) >= 100
