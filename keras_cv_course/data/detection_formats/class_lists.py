"""``classes.csv``: the classes of a set in order, beside formats that only name the class of each box.

::

    class,category_id
    car,1
    bus,2
"""

import csv
import io
from pathlib import Path

from keras_cv_course.data.boxed_images import BoxedImages
from keras_cv_course.data.detection_formats.assembly import read_text
from keras_cv_course.errors import DataContentError

CLASS_LIST = "classes.csv"
_HEADER = ["class", "category_id"]


def read_class_list(root: Path) -> tuple[list[str], list[int]] | tuple[None, None]:
    """Read names and COCO's numbers; None where there is no such file.

    Raises:
        DataContentError: a file of another form.
    """
    path = root / CLASS_LIST
    if not path.is_file():
        return None, None
    header, *lines = csv.reader(io.StringIO(read_text(path))) or [[]]
    if header != _HEADER or not all(len(line) == 2 and line[1].isdigit() for line in lines):
        raise DataContentError(
            f"{path}: expected the header {','.join(_HEADER)!r} and then a name and a number in each line. Received: "
            f"{','.join(header)!r} and {len(lines)} lines. Mend the file, or remove it: classes then go by name."
        )
    return [name for name, _ in lines], [int(number) for _, number in lines]


def write_class_list(data: BoxedImages, root: Path) -> None:
    """Write the names and numbers of all classes, also of those without a box."""
    with (root / CLASS_LIST).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(
            [_HEADER, *zip(data.class_names, data.category_ids, strict=True)]
        )
