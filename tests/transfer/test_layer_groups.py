"""Groups of layers: complete, in order, and frozen or trained exactly as asked."""

from collections.abc import Callable
from functools import cache

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import applications, layers

from keras_cv_course.errors import ModelError
from keras_cv_course.models.nested_layers import all_layers
from keras_cv_course.models.resnet import resnet
from keras_cv_course.training.optimizers import make_optimizer
from keras_cv_course.transfer.layer_groups import (
    LayerGroup,
    check_compiled,
    freeze,
    group_table,
    groups_by_depth,
    groups_by_pattern,
    groups_by_stage,
    groups_from_layer,
    learning_rate_factors,
    select_groups,
    unfreeze,
)

SHAPE = (32, 32, 3)
WITHOUT_TOP = {"input_shape": SHAPE, "include_top": False, "weights": None}
WITH_TOP = {"input_shape": SHAPE, "classes": 4, "weights": None}

# name: (model, its first groups, its last groups, number of groups)
NETWORKS: dict[str, tuple[Callable[[], keras.Model], str, str, int]] = {
    "our resnet18": (lambda: resnet(18, SHAPE, 6), "stem stage2", "stage5 head", 6),
    "MobileNet": (lambda: applications.MobileNet(alpha=0.25, **WITH_TOP), "stem block_1", "block_13 head", 15),
    "MobileNetV2": (lambda: applications.MobileNetV2(alpha=0.35, **WITHOUT_TOP), "stem block_0", "block_16 top", 19),
    "ResNet50": (lambda: applications.ResNet50(**WITHOUT_TOP), "stem conv2_block1", "conv5_block2 conv5_block3", 17),
    "EfficientNetB0": (lambda: applications.EfficientNetB0(**WITH_TOP), "stem block1a", "block7a top head", 19),
    "VGG16": (lambda: applications.VGG16(**WITHOUT_TOP), "block1 block2", "block4 block5", 5),
    "names that tell nothing": (lambda: nameless(), "first norm", "last head", 4),
    "nested": (lambda: tiny_nested(), "stem stage2", "stage3 head", 4),
}


@cache
def network(name: str) -> keras.Model:
    """Build once; what freezes it opens it again."""
    return NETWORKS[name][0]()


def nameless() -> keras.Model:
    inputs = keras.Input(SHAPE)
    x = layers.ReLU()(layers.BatchNormalization(name="norm")(layers.Conv2D(4, 3, name="first")(inputs)))
    x = layers.GlobalAveragePooling2D()(layers.ReLU()(layers.Conv2D(4, 3, name="last")(x)))
    return keras.Model(inputs, layers.Dense(2, name="predictions")(x))


def tiny_backbone() -> keras.Model:
    inputs = keras.Input(SHAPE, name="image")
    x = layers.ReLU(name="stem_relu")(layers.Conv2D(4, 3, strides=4, name="stem_conv")(inputs))
    for stage in ("stage2", "stage3"):
        x = layers.Conv2D(4, 3, padding="same", name=f"{stage}_conv")(x)
        x = layers.ReLU(name=f"{stage}_relu")(layers.BatchNormalization(name=f"{stage}_bn")(x))
    return keras.Model(inputs, x, name="tiny")


def with_head(inputs: keras.KerasTensor, x: keras.KerasTensor) -> keras.Model:
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return keras.Model(inputs, layers.Dense(2, activation="softmax", name="predictions")(x))


def tiny_flat() -> keras.Model:
    backbone = tiny_backbone()
    return with_head(backbone.inputs, backbone.output)


def tiny_nested() -> keras.Model:
    inputs = keras.Input(SHAPE)
    return with_head(inputs, tiny_backbone()(layers.Rescaling(1 / 255, name="preprocessing")(inputs)))


flat_and_nested = pytest.mark.parametrize("make", [tiny_flat, tiny_nested], ids=["flat", "nested"])


def names(groups: tuple[LayerGroup, ...]) -> list[str]:
    return [group.name for group in groups]


def trainable(model: keras.Model) -> list[str]:
    return sorted({variable.path.split("/")[-2] for variable in model.trainable_variables})


def without_inputs(model: keras.Model) -> list[keras.Layer]:
    return [layer for layer in all_layers(model) if not isinstance(layer, layers.InputLayer)]


def assert_complete(groups: tuple[LayerGroup, ...], model: keras.Model) -> None:
    """Every layer exactly once, in the model's order, and with it every parameter."""
    assert [id(x) for group in groups for x in group.layers] == [id(x) for x in without_inputs(model)]
    assert len(set(names(groups))) == len(groups)
    assert sum(group.parameters for group in groups) == model.count_params()
    trained = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert sum(group.trainable_parameters for group in groups) == trained


@pytest.mark.parametrize("name", NETWORKS)
def test_stages_are_complete_and_in_order(name: str) -> None:
    _, first, last, number = NETWORKS[name]
    groups = groups_by_stage(network(name))
    found = names(groups)
    assert_complete(groups, network(name))
    assert " ".join(found[:2]) == first
    assert " ".join(found).endswith(last)
    assert len(found) == number


@pytest.mark.parametrize("name", NETWORKS)
def test_head_is_the_classifier_and_nothing_else(name: str) -> None:
    heads = [group for group in groups_by_stage(network(name)) if group.name == "head"]
    dense = [x.name for x in without_inputs(network(name)) if "pred" in x.name]
    assert [x.name for group in heads for x in group.layers if "pred" in x.name] == dense
    assert all(x.name not in {"top_conv", "Conv_1"} for group in heads for x in group.layers)


@pytest.mark.parametrize(
    ("layer", "group"),
    [
        ("stem_pool", "stem"),
        ("stage2_block1_conv1", "stage2"),
        ("stage2_block2_out", "stage2"),
        ("stage3_block1_shortcut", "stage3"),
        ("avg_pool", "head"),
    ],
)
def test_layers_of_our_resnet_go_with_their_stage(layer: str, group: str) -> None:
    groups = groups_by_stage(network("our resnet18"))
    assert [g.name for g in groups if layer in [x.name for x in g.layers]] == [group]


def test_model_without_weights_or_not_built_is_refused() -> None:
    with pytest.raises(ModelError, match="with weights"):
        groups_by_stage(keras.Sequential([keras.Input(SHAPE), layers.Flatten()]))
    with pytest.raises(ModelError, match="not built"):
        groups_by_stage(keras.Sequential([layers.Conv2D(2, 3)]))


def test_first_matching_pattern_wins_and_the_rest_is_a_group() -> None:
    model = tiny_flat()
    groups = groups_by_pattern(model, {"norms": ".+_bn", "late": "stage3_.+|avg_pool", "all stages": "stage.+"})
    assert {group.name: [x.name for x in group.layers] for group in groups} == {
        "rest": ["stem_conv", "stem_relu", "predictions"],
        "all stages": ["stage2_conv", "stage2_relu"],
        "norms": ["stage2_bn", "stage3_bn"],
        "late": ["stage3_conv", "stage3_relu", "avg_pool"],
    }
    assert names(groups_by_pattern(model, {"everything": ".*"})) == ["everything"]
    assert names(groups_by_pattern(model, {})) == ["rest"]


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        ({"a": "stage3_con"}, "'stage3_con' matches no layer.*Near names: stage3_conv"),  # whole names only
        ({"a": ".*", "b": "stage3_conv"}, "'stage3_conv' matches no layer"),  # all taken
        ({"a": "stage3("}, r"Expected a regular expression. Received: 'stage3\('"),
    ],
)
def test_pattern_without_a_match_lists_near_names(patterns: dict[str, str], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        groups_by_pattern(tiny_flat(), patterns)


@pytest.mark.parametrize(
    ("fraction", "first"),
    [(0, 0), (0.05, 0), (0.2, 1), (0.5, 3), (0.8, 5), (1, 6)],  # of 6: stem 1, stages 2 each, head 1
)
def test_depth_cuts_at_the_nearest_border(fraction: float, first: int) -> None:
    model = tiny_nested()
    groups = groups_by_depth(model, fraction)
    assert names(groups) == ["first", "last"]
    assert_complete(groups, model)
    assert sum(bool(layer.weights) for layer in groups[0].layers) == first


@pytest.mark.parametrize("fraction", [-0.01, 1.01, float("nan")])
def test_depth_out_of_range_is_refused(fraction: float) -> None:
    with pytest.raises(ModelError, match="from 0 to 1"):
        groups_by_depth(tiny_flat(), fraction)


def test_from_layer_is_the_course_s_fine_tune_at() -> None:
    model = network("MobileNetV2")
    for layer in model.layers[:120]:  # the course's loop
        layer.trainable = False
    expected = [id(variable) for variable in model.trainable_variables]
    model.trainable = True
    freeze(model, groups_from_layer(model, 120)[0])
    received = [id(variable) for variable in model.trainable_variables]
    unfreeze(model)
    assert received == expected
    assert 0 < len(expected) < len(model.trainable_variables)


@flat_and_nested
def test_from_layer_by_name_and_by_number(make: Callable[[], keras.Model]) -> None:
    model = make()
    groups = groups_from_layer(model, "stage3_conv")
    assert names(groups) == ["before", "from"]
    assert_complete(groups, model)
    assert groups[1].layers[0].name == "stage3_conv"
    number = [layer.name for layer in all_layers(model)].index("stage3_conv")
    assert groups_from_layer(model, number) == groups
    assert groups_from_layer(model, 0)[0].layers == ()
    assert groups_from_layer(model, len(list(all_layers(model))))[1].layers == ()


@pytest.mark.parametrize(
    ("start", "message"),
    [("stage3_cnov", "'stage3_cnov' matches no layer.*stage3_conv"), (-1, "from 0 to 11"), (12, "from 0 to 11")],
)
def test_from_an_unknown_layer(start: int | str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        groups_from_layer(tiny_flat(), start)


@flat_and_nested
def test_freeze_and_unfreeze_undo_each_other(make: Callable[[], keras.Model]) -> None:
    model = make()
    everything = trainable(model)
    freeze(model, ["stem", "stage3"])
    assert trainable(model) == ["predictions", "stage2_bn", "stage2_conv"]
    unfreeze(model, "stage3")
    assert trainable(model) == sorted({*everything} - {"stem_conv"})
    unfreeze(model, "stem")
    assert trainable(model) == everything
    freeze(model)
    assert model.trainable_variables == []
    unfreeze(model)
    assert trainable(model) == everything


@pytest.mark.parametrize("whole", [False, True], ids=["nested model", "whole model"])
def test_what_keras_froze_stays_frozen_until_it_is_asked_for(whole: bool) -> None:
    model = tiny_nested()
    (model if whole else model.get_layer("tiny")).trainable = False
    unfreeze(model, "stage3")
    assert trainable(model) == (["predictions"] if not whole else []) + ["stage3_bn", "stage3_conv"]
    freeze(model, "head")
    assert trainable(model) == ["stage3_bn", "stage3_conv"]


GROUPS = ("stem", "stage2", "stage3", "head")
SHARED = {make.__name__: cache(make) for make in (tiny_flat, tiny_nested)}


@given(frozen=st.sets(st.sampled_from(GROUPS)), opened=st.sets(st.sampled_from(GROUPS)))
@flat_and_nested
def test_exactly_the_other_groups_train(make: Callable[[], keras.Model], frozen: set[str], opened: set[str]) -> None:
    model = SHARED[make.__name__]()
    unfreeze(model)
    freeze(model, frozen)
    unfreeze(model, opened)
    left = [group for group in groups_by_stage(model) if group.name not in frozen - opened]
    expected = [id(v) for group in left for layer in group.layers for v in layer.trainable_variables]
    assert [id(v) for v in model.trainable_variables] == expected
    assert {layer.trainable for group in left for layer in group.layers} <= {True}


@pytest.mark.parametrize("change", [freeze, unfreeze])
@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (["stage2", "stage9"], "'stage9' matches no group.*Near names: stage"),
        (["stage2", "("], "regular expression"),
        (["stage2", groups_by_stage(tiny_flat())[0]], "of the model 'trained'. Received: the group 'stem' of another"),
    ],
    ids=["unknown", "no expression", "of another model"],
)
def test_after_an_error_nothing_has_changed(change: Callable, groups: list, message: str) -> None:
    model = tiny_flat()
    model.name = "trained"
    model.get_layer("stem_conv").trainable = False
    compile_and_build(model)
    flags = [layer.trainable for layer in model.layers]
    with pytest.raises(ModelError, match=message):
        change(model, groups)
    assert [layer.trainable for layer in model.layers] == flags
    assert model.compiled
    check_compiled(model)


def test_groups_are_selected_by_whole_names() -> None:
    model = network("MobileNetV2")
    assert names(select_groups(model, r"block_1[0-6]|top")) == [*(f"block_{n}" for n in range(10, 17)), "top"]
    assert names(select_groups(model, "block_1")) == ["block_1"]
    own = groups_by_stage(model)[3]
    assert select_groups(model, ["top", own]) == (groups_by_stage(model)[-1], own)


def compile_and_build(model: keras.Model, scale_loss: bool = False) -> None:
    """Do what the first training step does first."""
    model.compile(make_optimizer("adam", 0.01, scale_loss=scale_loss), "categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)


def compile_and_train(model: keras.Model) -> None:
    model.compile("adam", "categorical_crossentropy")
    train(model)


def train(model: keras.Model) -> None:
    draw = np.random.default_rng(0)
    model.fit(255 * draw.random((8, *SHAPE)), np.eye(2)[np.arange(8) % 2], batch_size=8, verbose=0)


def changed_by(model: keras.Model, action: Callable[[], None]) -> set[str]:
    """Name the layers whose weights an action changes, statistics included."""
    before = {id(layer): [w.numpy() for w in layer.weights] for layer in all_layers(model)}
    action()
    return {
        layer.name
        for layer in all_layers(model)
        if any(not np.array_equal(a, w.numpy()) for a, w in zip(before[id(layer)], layer.weights, strict=True))
    }


@flat_and_nested
def test_compiled_model_must_be_compiled_again(make: Callable[[], keras.Model]) -> None:
    model = make()
    compile_and_train(model)
    for change, expected in (
        (freeze, {"stem_conv", "stage3_conv", "stage3_bn", "predictions"}),
        (unfreeze, {"stem_conv", "stage2_conv", "stage2_bn", "stage3_conv", "stage3_bn", "predictions"}),
    ):
        change(model, "stage2")
        with pytest.raises(ValueError, match="compile"):
            train(model)
        assert changed_by(model, lambda: compile_and_train(model)) == expected
        check_compiled(model)


@pytest.mark.parametrize("scale_loss", [False, True], ids=["plain", "loss scaling"])
@pytest.mark.parametrize(
    "change",
    [
        lambda backbone: freeze(backbone, "stage2"),
        lambda backbone: setattr(backbone, "trainable", False),
        lambda backbone: setattr(backbone.get_layer("stem_conv"), "trainable", False),
    ],
    ids=["freeze", "whole", "one layer"],
)
def test_a_change_behind_the_outer_model_s_back_is_noticed(change: Callable, scale_loss: bool) -> None:
    model = tiny_nested()
    compile_and_build(model, scale_loss)
    check_compiled(model)
    change(model.get_layer("tiny"))
    with pytest.raises(ModelError, match=r"would go on to train 12 variables, not the \d+ .* Compile it again"):
        check_compiled(model)
    compile_and_build(model, scale_loss)
    check_compiled(model)


def test_a_change_before_the_first_step_counts() -> None:
    model = tiny_nested()
    check_compiled(model)
    model.compile("adam", "categorical_crossentropy")
    model.get_layer("tiny").trainable = False
    check_compiled(model)
    assert changed_by(model, lambda: train(model)) == {"predictions"}


@flat_and_nested
def test_learning_rate_factors_follow_the_trainable_variables(make: Callable[[], keras.Model]) -> None:
    model = make()
    freeze(model, "stem")
    factors = learning_rate_factors(model, {"stage.": 0.1, "stage3": 0.5, "stem": 0.01})
    by_layer = [(v.path.split("/")[-2], f) for v, f in zip(model.trainable_variables, factors, strict=True)]
    expected = [("stage2_conv", 0.1)] * 2 + [("stage2_bn", 0.1)] * 2
    expected += [("stage3_conv", 0.5)] * 2 + [("stage3_bn", 0.5)] * 2 + [("predictions", 1.0)] * 2
    assert by_layer == expected


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ({"stage9": 0.1}, "'stage9' matches no group"),
        ({"stage2": 0.0}, "above 0. Received: 0.0 for 'stage2'. Freeze"),
        ({"stage2": float("nan")}, "above 0. Received: nan"),
    ],
)
def test_impossible_factors_are_refused(factors: dict[str, float], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        learning_rate_factors(tiny_flat(), factors)


def test_table_of_groups() -> None:
    model = tiny_nested()
    freeze(model, "stage2")
    assert group_table(groups_by_stage(model)).splitlines() == [
        "group   layers   parameters    trainable",
        "stem         3          112          112",
        "stage2       3          164            0",
        "stage3       3          164          156",
        "head         2           10           10",
        "all         11          450          278",
    ]
    assert len(set(map(len, group_table(groups_by_stage(network("ResNet50"))).splitlines()))) == 1
