"""What crosses the boundary: every kind of value both ways, and nothing that is not exactly of the format."""

import contextlib
import json
import struct
from collections import namedtuple
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_cv_course.errors import GradingError
from keras_cv_course.grading.answers import read_answer
from keras_cv_course.grading.assignment import Assignment
from keras_cv_course.grading.compare import Wrong
from keras_cv_course.grading.jail.worker import Session
from keras_cv_course.grading.requests import write_request
from keras_cv_course.grading.scoring import run_check
from keras_cv_course.grading.subject import Subject
from keras_cv_course.grading.wire import Array, Other, ProtocolError, Tensor, Value


def locate(number: int, line: int) -> tuple[str, str]:
    return f"line {line}", ""


def subject_of(**functions: Any) -> Subject:
    return Subject(Session(functions).answer, locate, 2**20)


def there_and_back(value: Any) -> Any:
    return subject_of(same=lambda value: value).call("same", value)


def message(header: Any, arrays: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<I", len(text)) + text + arrays


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -(2**62), 0.1, float("inf"), "", "näme\n", [], (), [1, (2.5, "x")], {"a": [None], 3: {}}],
    ids=repr,
)
def test_plain_values_come_back_as_they_were(value: Any) -> None:
    received = there_and_back(value)
    assert received == value
    assert type(received) is type(value)


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "uint64", "float16", "float32", "float64", "complex64", ">f4", "<i2"]
)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3, 4)])
def test_arrays_come_back_as_they_were(dtype: str, shape: tuple[int, ...]) -> None:
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    received = there_and_back(values)
    assert isinstance(received, Array)
    assert received.kind == "array"
    assert received.dtype == values.dtype.name
    assert received.values.shape == shape
    np.testing.assert_array_equal(received.values, values)
    assert not received.values.flags.writeable


def test_transposed_array_keeps_its_values() -> None:
    values = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(subject_of(f=lambda: values.T).call("f").values, values.T)


def test_tensors_are_tensors_on_both_sides() -> None:
    import tensorflow as tf

    values = np.array([1.5, 2.5], np.float32)
    received = subject_of(f=lambda x: (tf.is_tensor(x), x, tf.cast(x, tf.bfloat16))).call("f", Tensor(values))
    assert received[0] is True
    assert (received[1].kind, received[1].dtype) == ("tensor", "float32")
    assert (received[2].kind, received[2].dtype, received[2].values.dtype) == ("tensor", "bfloat16", np.float32)
    np.testing.assert_array_equal(received[2].values, values)


def test_namedtuple_comes_back_as_a_tuple() -> None:
    assert subject_of(f=lambda: namedtuple("Pair", "a b")(1, 2)).call("f") == (1, 2)


class Liar:
    """Equal to everything, an array of whatever is wanted, and of another class than it says."""

    __class__ = np.ndarray  # type: ignore[assignment]
    shape, dtype, size, nbytes = (2,), np.dtype("float32"), 2, 8

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __array__(self, *args: Any, **keywords: Any) -> np.ndarray:
        return np.zeros(2, object)

    def __reduce__(self) -> Any:
        return (print, ("unpickled",))

    def __repr__(self) -> str:
        raise RuntimeError("no")


class LyingFloat(float):
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


@pytest.mark.parametrize("value", [Liar(), LyingFloat(3.0), object(), print, type, np.array([Liar()], object)])
def test_lying_objects_arrive_as_what_they_are(value: Any) -> None:
    try:
        received = subject_of(f=lambda: value).call("f")
    except Wrong:
        return
    assert isinstance(received, Other | Array | list)
    assert not (isinstance(received, Array) and received.dtype == "float32")


def test_cyclic_and_huge_values_have_an_end() -> None:
    cycle: list[Any] = []
    cycle.append(cycle)
    assert isinstance(subject_of(f=lambda: cycle).call("f"), list)
    assert isinstance(subject_of(f=lambda: list(range(10**6))).call("f"), Other)
    assert isinstance(subject_of(f=lambda: np.zeros(10**6)).call("f"), Other)  # more than this subject's bytes
    assert len(subject_of(f=lambda: "x" * 10**6).call("f")) < 10**4
    assert isinstance(subject_of(f=lambda: 10**100).call("f"), Other)


def value(node: Any, arrays: Any = ()) -> dict[str, Any]:
    return {"arrays": list(arrays), "body": {"value": node}}


DEEP: Any = 1
for _ in range(60):
    DEEP = {"t": "list", "v": [DEEP]}
ARRAY = {"t": "array", "v": 0, "dtype": "float32"}

FORGED = {
    "nothing": b"",
    "a length that lies": struct.pack("<I", 2**32 - 1) + b"{}",
    "not JSON": message(b"{"),
    "not UTF-8": message(b'"\xff"'),
    "nested without end": message(b"[" * 100_000),
    "NaN": message(b'{"arrays": [], "body": {"value": NaN}}'),
    "a key twice": message(b'{"arrays": [], "body": {"value": 1, "value": 2}}'),
    "a number of many digits": message(b'{"arrays": [], "body": {"value": ' + b"9" * 10_000 + b"}}"),
    "a large number": message(value(2**64)),
    "no body": message({"arrays": []}),
    "another key": message({"arrays": [], "body": {"value": 1}, "verdict": "passed"}),
    "two answers": message({"arrays": [], "body": {"value": 1, "missing": "x"}}),
    "an unknown answer": message({"arrays": [], "body": {"score": 1}}),
    "a bare list": message(value([1])),
    "an unknown kind": message(value({"t": "pickle", "v": "x"})),
    "a kind that is a list": message(value({"t": [], "v": []})),
    "too deep": message(value(DEEP)),
    "too many parts": message(value({"t": "list", "v": [0] * 300_000})),
    "a list as a key": message(value({"t": "dict", "v": [[{"t": "list", "v": []}, 1]]})),
    "a long text": message(value("x" * 10_000)),
    "an array that is not there": message(value(ARRAY)),
    "an unknown dtype": message(value(ARRAY, [["object", [1]]]), bytes(8)),
    "a dtype that is a list": message(value(ARRAY, [[["f4"], [1]]]), bytes(8)),
    "a negative size": message(value(ARRAY, [["float32", [-1]]]), bytes(4)),
    "a size that is true": message(value(ARRAY, [["float32", [True]]]), bytes(4)),
    "a huge shape": message(value(ARRAY, [["float32", [2**40, 2**40]]]), bytes(4)),
    "a huge empty shape": message(value(ARRAY, [["float32", [0, 2**39, 2**39]]])),
    "many axes": message(value(ARRAY, [["float32", [1] * 65]]), bytes(4)),
    "bytes missing": message(value(ARRAY, [["float32", [2]]]), bytes(7)),
    "bytes left over": message(value(ARRAY, [["float32", [2]]]), bytes(9)),
    "a model of nothing": message(value({"t": "model", "v": {}})),
    "a raise of nothing": message({"arrays": [], "body": {"raised": {"type": 1, "message": "", "frames": []}}}),
}


@pytest.mark.parametrize("forged", FORGED)
def test_forged_answer_is_refused(forged: str) -> None:
    with pytest.raises(ProtocolError):
        read_answer(FORGED[forged])


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(ProtocolError):
        read_answer(content)


@given(st.data())
def test_damaged_answer_is_read_or_refused(data: st.DataObject) -> None:
    request = write_request(
        "call", most_bytes=1000, arguments=["f", [np.arange(4.0), {"a": (1, "b")}], {}], keywords={}
    )
    answer = bytearray(Session({"f": lambda *all: all}).answer(request))
    assert isinstance(read_answer(bytes(answer)), Value)
    for _ in range(data.draw(st.integers(1, 3))):
        answer[data.draw(st.integers(0, len(answer) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ProtocolError):
        read_answer(bytes(answer))


def test_bool_of_strange_bytes_is_a_bool() -> None:
    answer = read_answer(message(value({"t": "array", "v": 0, "dtype": "bool"}, [["bool", [3]]]), bytes([0, 1, 7])))
    assert isinstance(answer, Value)
    assert answer.value.values.tolist() == [False, True, True]


def test_a_model_whose_parts_do_not_tell_of_themselves_is_described() -> None:
    def make() -> Any:
        import keras

        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile(optimizer=None, loss="mse", metrics=[keras.metrics.BinaryAccuracy])  # a class has no config
        return model

    compiled = subject_of(make=make).model("make").compiled
    assert compiled is not None
    assert (compiled["learning_rate"], compiled["loss"], compiled["metrics"]) == (None, "mse", {})


def test_what_tensorflow_raises_is_told_without_the_lines_of_libraries() -> None:
    def fail() -> None:
        lines = "".join(f'  File "/packages/keras/{number}.py", line 1, in f\n\n' for number in range(99))
        raise ValueError(
            f"Graph execution error:\n\nDetected at node a/b defined at (most recent call last):\n{lines}"
            "Received a label.\n\t [[{{node a/b}}]] [Op:__inference_f_12]"
        )

    with pytest.raises(Wrong) as wrong:
        subject_of(fail=fail).call("fail")
    assert str(wrong.value) == "fail raised ValueError: Graph execution error:\nReceived a label."


def test_text_cannot_order_a_terminal_about() -> None:
    answer = read_answer(message(value("\x1b[2J\u202e\ud800\x1b[1mdone\x1b[0m \x1b[38;5;4m\tx")))
    assert isinstance(answer, Value)
    assert answer.value == "\ufffd[2J\ufffd\ufffddone  x"  # colours are left out, for Keras writes in them


NAN, FLAT = float("nan"), np.zeros(3, np.float32)
STRANGE = [
    *(None, True, 1, NAN, float("inf"), "x", [], (), {}, [[]], (None, None, None), ("a", "b", "c"), Liar()),
    *(FLAT, (FLAT, FLAT, FLAT), (FLAT[:0],) * 3, (NAN,) * 3, np.zeros((0, 4)), (np.array("text"),) * 3),
    *((np.full((2, 2), NAN), np.full(2, 1j), np.zeros((1,) * 20)), np.float32(1), (np.bool_(True),) * 3, 10**30),
]


@pytest.mark.parametrize("strange", STRANGE, ids=lambda strange: repr(type(strange).__name__))
def test_strange_results_are_the_learner_s_and_earn_nothing(car_detection: Assignment, strange: Any) -> None:
    functions = {question.function: lambda *arguments, **keywords: strange for question in car_detection.questions}
    subject = subject_of(**functions)
    for question in car_detection.questions:
        results = [run_check(check, subject, 3) for check in question.checks]
        assert all(result.status == "failed" and result.message for result in results), results


def test_defect_of_a_check_is_the_grader_s(car_detection: Assignment) -> None:
    from dataclasses import replace

    def broken(subject: Subject, draw: np.random.Generator) -> None:
        raise KeyError("oops")

    check = replace(car_detection.questions[0].checks[0], run=broken)
    with pytest.raises(GradingError, match=r"checks\.filter_keeps_the_likely .* has a defect: it raised KeyError"):
        run_check(check, subject_of(), 1)


@pytest.mark.parametrize("deep", [*range(38, 44), 450, 900])
def test_a_forged_model_of_any_depth_is_read_or_refused(deep: int) -> None:
    compiled: Any = {}
    for _ in range(deep):
        compiled = {"x": compiled}
    lists: dict[str, Any] = {key: [] for key in ("inputs", "outputs", "layers", "weights")}
    model = {"handle": 0, "type": "Model", "parameters": 0, "compiled": compiled, **lists}
    with pytest.raises(ProtocolError) if deep > 42 else contextlib.suppress(ProtocolError):
        read_answer(message(value({"t": "model", "v": model})))


def test_more_problems_of_a_cell_than_are_told_are_refused() -> None:
    problem = {"type": "ValueError", "message": "", "frames": []}
    assert read_answer(message({"arrays": [], "body": {"cell": {"problems": [problem] * 50, "dropped": [1]}}}))
    with pytest.raises(ProtocolError):
        read_answer(message({"arrays": [], "body": {"cell": {"problems": [problem] * 51, "dropped": []}}}))
