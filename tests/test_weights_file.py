"""Packed weights: rounding, exact loading, refusals."""

from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from keras_cv_course.errors import WeightsError
from keras_cv_course.weights_file import dequantize, quantize, read_weights, write_weights


def small_model(units: int = 3, name: str = "a") -> keras.Model:
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name=f"{name}_conv")(inputs)
    x = keras.layers.BatchNormalization(name=f"{name}_bn")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(units, name=f"{name}_dense")(x))


@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 5), st.integers(1, 5)),
        elements=st.floats(-(2.0**60), 2.0**60, width=32, allow_subnormal=False).map(
            lambda v: v if abs(v) > 1e-30 else 0.0
        ),
    )
)
def test_rounding_is_at_most_half_a_step_of_its_channel(values: np.ndarray) -> None:
    quantized, scale = quantize(values)
    error = np.abs(dequantize(quantized, scale) - values)
    # half a step, and float32's own rounding of the largest values
    assert (error <= 0.5001 * scale + 1e-6 * np.abs(values)).all()


def test_round_trip_restores_vectors_exactly_and_kernels_to_their_rounding(tmp_path: Path) -> None:
    source, target = small_model(), small_model()
    draw = np.random.default_rng(0)
    source.set_weights([draw.normal(size=w.shape) for w in source.weights])
    write_weights(tmp_path / "w.h5", source.weights)
    read_weights(tmp_path / "w.h5", target.weights)
    for a, b in zip(source.weights, target.weights, strict=True):
        a, b = a.numpy(), b.numpy()
        if a.ndim == 1:
            np.testing.assert_array_equal(a, b)
        else:
            step = np.abs(a).reshape(-1, a.shape[-1]).max(axis=0) / 127
            assert (np.abs(a - b) <= 0.5001 * step).all()
            assert not np.array_equal(a, b)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: small_model(units=4), "of another shape: a_dense/bias, a_dense/kernel"),
        (lambda: small_model(name="b"), r"Missing in the file: b_bn/beta.* and 4 more; only in the file: a_bn/beta"),
    ],
)
def test_weights_of_another_model_are_refused_and_change_nothing(tmp_path: Path, model: object, message: str) -> None:
    write_weights(tmp_path / "w.h5", small_model().weights)
    target = model()
    before = target.get_weights()
    with pytest.raises(WeightsError, match=message):
        read_weights(tmp_path / "w.h5", target.weights)
    for a, b in zip(before, target.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_damaged_and_foreign_files_are_refused(tmp_path: Path) -> None:
    write_weights(tmp_path / "w.h5", small_model().weights)
    (tmp_path / "half.h5").write_bytes((tmp_path / "w.h5").read_bytes()[:2000])
    with pytest.raises(WeightsError, match="damaged"):
        read_weights(tmp_path / "half.h5", small_model().weights)
    h5py.File(tmp_path / "other.h5", "w").close()
    with pytest.raises(WeightsError, match="another HDF5 file"):
        read_weights(tmp_path / "other.h5", small_model().weights)
