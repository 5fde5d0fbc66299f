"""`kcc compat` on a notebook that uses what a course's folder uses, and on ones that fail."""

import json
from pathlib import Path

import nbformat
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from keras_cv_course.cli.app import app

pytest.importorskip("nbclient")

HELPER = """
from tensorflow.keras.optimizers import Adam

def rows(model):
    model.compile(optimizer=Adam(lr=0.001), loss="mse")
    return [[layer.__class__.__name__, layer.output_shape, layer.count_params()] for layer in model.layers]
"""
CELLS = [
    """
import imghdr
import numpy as np
import pandas as pd
import scipy.misc
import tensorflow as tf
import tensorflow.keras.layers as tfl
from PIL import Image, ImageDraw, ImageFont
from tensorflow.keras.layers.experimental.preprocessing import RandomFlip, RandomRotation
from tensorflow.keras.models import load_model
from tensorflow.keras.preprocessing import image_dataset_from_directory
from tensorflow.python.framework.ops import EagerTensor
from keras import backend as K
from helper import rows
""",
    """
x = image = tf.keras.Input((8, 8, 3))
x = tf.keras.applications.mobilenet_v2.preprocess_input(RandomRotation(0.2)(x))
model = tf.keras.Model(image, tfl.Dense(1)(tfl.Flatten()(x)))
assert rows(model)[0] == ["InputLayer", [(None, 8, 8, 3)], 0], rows(model)
assert [row[0] for row in rows(model)][2:4] == ["TensorFlowOpLayer"] * 2
""",
    """
assert imghdr.what("pictures/red/0.png") == "png"
images = image_dataset_from_directory("pictures", batch_size=2, image_size=(8, 8), validation_split=0.5,
                                      subset="training", seed=42)
model.fit(images, epochs=1, verbose=0)
assert model.optimizer.lr == np.float(0.001)
""",
    """
picture = Image.open("pictures/red/0.png")
draw = ImageDraw.Draw(picture)
font = ImageFont.truetype(font="font/FiraMono-Medium.otf", size=12)
width, height = draw.textsize("red 0.9", font)
draw.rectangle([9, 9, 5, 5], outline=(0, 255, 0))
picture.save("out/red.png")
print(width > 0, type(K.max(tf.ones(3))) == EagerTensor)
""",
]


def write(path: Path, cells: list[str]) -> None:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("Text"), *(nbformat.v4.new_code_cell(cell) for cell in cells)],
        metadata={"kernelspec": {"name": "an-old-one", "display_name": "Python 3.6", "language": "python"}},
    )
    nbformat.write(notebook, path)


def compat(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["compat", *map(str, arguments)])


def test_a_folder_as_of_the_course(tmp_path: Path) -> None:
    folder = tmp_path / "a course"
    for place, colour in enumerate(("red", "blue", "red", "blue")):
        (folder / "pictures" / colour).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 48), colour).save(folder / "pictures" / colour / f"{place}.png")
    (folder / "helper.py").write_text(HELPER)
    write(folder / "lesson.ipynb", CELLS)
    before = (folder / "lesson.ipynb").read_bytes()
    done = compat(folder / "lesson.ipynb")
    assert [line.split("(")[0] for line in done.stdout.splitlines()] == [f"cell {n}: ok " for n in (1, 2, 3, 4)]
    assert done.exit_code == 0
    assert (folder / "lesson.ipynb").read_bytes() == before
    executed = json.loads((folder / "lesson.compat.ipynb").read_text())
    assert len(executed["cells"]) == 5
    assert executed["cells"][-1]["execution_count"] == 4
    printed = [output["text"] for output in executed["cells"][-1]["outputs"] if output["name"] == "stdout"]
    assert printed == [["True True\n"]]
    assert (folder / "out" / "red.png").is_file()
    assert not list(folder.glob(".*"))


def test_cells_that_fail(tmp_path: Path) -> None:
    write(
        tmp_path / "bad.ipynb",
        ["x = 1", "1 / 0", "import time; time.sleep(60)", "print(x)", "import os; os._exit(3)", ""],
    )
    done = compat(tmp_path / "bad.ipynb", "--out", tmp_path / "new" / "out.ipynb", "--timeout", 3)
    lines = done.stdout.splitlines()
    assert done.exit_code == 1
    assert [line.split(" (")[0] for line in lines[:2]] == ["cell 1: ok", "cell 2: ZeroDivisionError: division by zero"]
    assert lines[2].startswith("cell 3: KeyboardInterrupt") or "not done after 3 s" in lines[2]
    assert lines[3].startswith("cell 4: ok")
    assert lines[4].startswith("cell 5: the kernel died")
    executed = nbformat.read(tmp_path / "new" / "out.ipynb", as_version=4)
    assert executed.cells[4].outputs[0].text == "1\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "There is no such file"), ("{", "expected a Jupyter notebook"), ("[]", "expected a Jupyter notebook")],
)
def test_no_notebook(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "x.ipynb"
    if content is not None:
        path.write_text(content)
    done = compat(path)
    assert done.exit_code == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_list() -> None:
    done = compat("--list")
    assert done.exit_code == 0
    assert "layer.output_shape, layer.input_shape\n    Keras 3 has no such attributes" in done.stdout
    assert compat().exit_code == 2
