import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from keras_cv_course.data.synthetic.road.camera import Camera, Shape, clip_near, hull, xyz
from keras_cv_course.data.synthetic.road.cast import build, estimate
from keras_cv_course.data.synthetic.road.light import Light
from keras_cv_course.data.synthetic.road.order import near_to_far, square
from keras_cv_course.data.synthetic.road.things import Sight, Thing, paint, paint_numbers
from keras_cv_course.data.synthetic.road.traffic import BUS, CAR, LORRY, PEDESTRIAN, TRAFFIC_LIGHT, Spot
from keras_cv_course.data.synthetic.road_scenes import (
    CLASS_NAMES,
    SURFACES,
    RoadScene,
    draw_road_scene,
    draw_road_scenes,
)
from keras_cv_course.errors import DataContentError

SIZE = (200, 300)
LENGTHS = {CAR: 5.0, BUS: 11.0, LORRY: 9.0, PEDESTRIAN: 0.0, TRAFFIC_LIGHT: 0.0}


def camera(yaw: float = 0.0, pitch: float = 0.0) -> Camera:
    return Camera.looking(np.array([0, 1.5, 0.0]), yaw, pitch, 0.0, 250.0, SIZE)


def spot(kind: int, across: float = 0.0, along: float = 20.0, heading: float = 0.0) -> Spot:
    return Spot(kind, np.array([across, 3.0 if kind == TRAFFIC_LIGHT else 0.0, along]), heading, LENGTHS[kind])


def build_one(place: Spot, seed: int, view: Camera | None = None) -> Thing:
    rng = np.random.default_rng(seed)
    thing = build(place, view or camera(), Light.random(rng), rng)
    assert thing is not None
    return thing


@pytest.fixture(scope="module")
def scenes() -> list[RoadScene]:
    return list(draw_road_scenes(40, seed=7, image_size=(128, 160)))


class TestScenes:
    def test_arrays(self, scenes: list[RoadScene]) -> None:
        for scene in scenes:
            count = len(scene.boxes)
            assert (scene.image.dtype, scene.image.shape) == (np.uint8, (128, 160, 3))
            assert (scene.boxes.dtype, scene.boxes.shape) == (np.float32, (count, 4))
            assert (scene.class_ids.dtype, scene.class_ids.shape) == (np.int64, (count,))

    def test_boxes_lie_within_the_picture_and_are_not_too_small(self, scenes: list[RoadScene]) -> None:
        boxes = np.concatenate([scene.boxes for scene in scenes])
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:] <= [160, 128]).all()
        sides = boxes[:, 2:] - boxes[:, :2]
        assert (sides.max(axis=1) >= 6).all()
        assert (sides > 0.5).all()

    def test_every_class_is_seen_often(self, scenes: list[RoadScene]) -> None:
        assert CLASS_NAMES == ("car", "bus", "lorry", "pedestrian", "traffic light")
        counts = np.bincount(np.concatenate([scene.class_ids for scene in scenes]), minlength=5)
        assert (counts > 5).all()
        assert 3 < counts.sum() / len(scenes) < 15

    def test_pictures_show_something(self, scenes: list[RoadScene]) -> None:
        assert all(scene.image.std() > 10 for scene in scenes)
        means = np.array([scene.image.mean() for scene in scenes])
        assert means.std() > 8  # weather and time of day differ

    def test_boxes_follow_edges_of_the_picture(self, scenes: list[RoadScene]) -> None:
        """Mirrored boxes lie elsewhere, so a scene whose boxes were not mirrored with it would be found out."""

        def contrast(scene: RoadScene, boxes: np.ndarray) -> float:
            grey = scene.image.astype(float).mean(axis=2)
            steps = np.pad(np.abs(np.diff(grey, axis=1)), ((0, 0), (1, 1)))  # at the left edge of each column
            found = []
            for x1, y1, x2, y2 in boxes:
                rows = slice(int(y1), int(np.ceil(y2)))
                for x in (x1, x2):
                    if 2 < x < 158:  # not where the picture cuts the object off
                        found.append(steps[rows, round(x) - 1 : round(x) + 2].max(axis=1).mean())
            return float(np.mean(found)) if found else 0.0

        better = []
        for scene in scenes:
            mirrored = scene.boxes.copy()
            mirrored[:, [0, 2]] = 160 - scene.boxes[:, [2, 0]]
            own, other = contrast(scene, scene.boxes), contrast(scene, mirrored)
            if own and other:
                better.append(own > other)
        assert len(better) > 25
        assert np.mean(better) > 0.75  # chance is 0.5; a half of the scenes is mirrored

    def test_pictures_and_boxes_stay_what_they_are(self, scenes: list[RoadScene]) -> None:
        """Shipped weights were trained on them; noise and light are floating-point, so small differences may be."""
        assert sum(int(scene.class_ids.sum() + len(scene.boxes)) for scene in scenes) == 715
        np.testing.assert_allclose(np.mean([scene.image.mean() for scene in scenes]), 109.306, atol=0.01)
        np.testing.assert_allclose(np.concatenate([scene.boxes for scene in scenes]).mean(), 72.5474, atol=0.001)

    @pytest.mark.parametrize("size", [(64, 64), (90, 160), (200, 96)])
    def test_sizes(self, size: tuple[int, int]) -> None:
        for scene in draw_road_scenes(3, seed=1, image_size=size):
            assert scene.image.shape == (*size, 3)
            assert (scene.boxes[:, 2:] <= [size[1], size[0]]).all()

    def test_a_scene_is_a_function_of_its_seed(self) -> None:
        first, second = draw_road_scenes(2, seed=3, image_size=(96, 96))
        (again,) = draw_road_scenes(1, seed=3, image_size=(96, 96))
        alone = draw_road_scene(np.random.default_rng([3, 1]), (96, 96))
        for one, other in ((first, again), (second, alone)):
            np.testing.assert_array_equal(one.image, other.image)
            np.testing.assert_array_equal(one.boxes, other.boxes)
            np.testing.assert_array_equal(one.class_ids, other.class_ids)
        assert (first.image != second.image).any()
        (other_seed,) = draw_road_scenes(1, seed=4, image_size=(96, 96))
        assert (first.image != other_seed.image).any()

    def test_no_scenes(self) -> None:
        with pytest.raises(DataContentError, match=r"Expected count >= 1. Received: count=0. Ask for"):
            draw_road_scenes(0, seed=0)

    @pytest.mark.parametrize("size", [(63, 400), (400, 63)])
    def test_too_small(self, size: tuple[int, int]) -> None:
        message = r"each >= 64 pixels. Received: \(\d+, \d+\). Ask for"
        with pytest.raises(DataContentError, match=message):
            draw_road_scenes(1, seed=0, image_size=size)
        with pytest.raises(DataContentError, match=message):
            draw_road_scene(np.random.default_rng(0), size)


class TestMasks:
    def test_arrays(self, scenes: list[RoadScene]) -> None:
        for scene in scenes:
            assert (scene.masks.dtype, scene.masks.shape) == (np.bool_, (len(scene.boxes), 128, 160))
            assert (scene.surfaces.dtype, scene.surfaces.shape) == (np.uint8, (128, 160))
            assert scene.masks.sum(axis=0).max(initial=0) <= 1  # a pixel shows one object

    def test_surfaces_of_objects_are_their_masks(self, scenes: list[RoadScene]) -> None:
        surfaces = np.array([SURFACES.index(name) for name in (*["vehicle"] * 3, "pedestrian", "traffic light")])
        for scene in scenes:
            number = surfaces[scene.class_ids]
            for surface in {*surfaces.tolist()}:
                np.testing.assert_array_equal(scene.surfaces == surface, scene.masks[number == surface].any(axis=0))

    def test_masks_lie_in_their_boxes(self, scenes: list[RoadScene]) -> None:
        """Also on mirrored scenes. Pillow paints pixels that an edge touches, so a mask may reach half a pixel out."""
        shares = []
        for scene in scenes:
            for mask, box in zip(scene.masks, scene.boxes, strict=True):
                rows, columns = np.nonzero(mask)
                assert len(rows)
                assert (np.array([columns.min(), rows.min()]) >= np.floor(box[:2]) - 1).all()
                assert (np.array([columns.max(), rows.max()]) <= np.ceil(box[2:])).all()
                shares.append(len(rows) / np.prod(box[2:] - box[:2]))
        assert 0.5 < np.median(shares) < 0.95  # of the box, where nothing hides the object

    def test_sky_is_above_and_road_below(self, scenes: list[RoadScene]) -> None:
        counts = np.bincount(np.concatenate([scene.surfaces.ravel() for scene in scenes]), minlength=len(SURFACES))
        assert (counts > 0).all()
        heights = {
            name: np.mean([np.nonzero(scene.surfaces == SURFACES.index(name))[0].mean() for scene in scenes[:20]])
            for name in ("sky", "road")
        }
        assert heights["sky"] < 45 < 80 < heights["road"]

    def test_edges_of_masks_are_edges_of_the_picture(self, scenes: list[RoadScene]) -> None:
        """Steps of colour are larger where the map changes than elsewhere, and than where a mirrored map would."""
        own, other, elsewhere = [], [], []
        for scene in scenes:
            steps = np.abs(np.diff(scene.image.astype(float), axis=1)).mean(axis=2)
            edges = np.diff(scene.surfaces, axis=1) != 0
            own.append(steps[edges].mean())
            other.append(steps[edges[:, ::-1]].mean())
            elsewhere.append(steps[~edges].mean())
        assert np.mean(own) > 3 * np.mean(other)
        assert np.mean(own) > 3 * np.mean(elsewhere)

    def test_what_is_near_hides_what_is_far(self) -> None:
        near, far = (TestSight.rectangle(*box) for box in ((10, 10, 30, 30), (20, 20, 60, 60)))
        canvas = Image.new("L", (80, 80))
        paint_numbers(canvas, [far, near], [1, 2], [])
        numbers = np.asarray(canvas)
        assert (numbers[10:31, 10:31] == 2).all()
        assert (numbers[31:61, 20:61] == 1).all()
        assert (numbers > 0).sum() == 21 * 21 + 41 * 41 - 11 * 11

    def test_leaves_are_painted_where_they_are_opaque(self) -> None:
        tree = Thing(square(np.zeros(3)), [], crowns=[(0, (10.0, 10.0, 50.0, 50.0))])
        sprite = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
        sprite.paste((20, 90, 20, 255), (0, 0, 20, 40))
        numbers, picture = Image.new("L", (80, 80)), Image.new("RGB", (80, 80))
        paint_numbers(numbers, [tree], [7], [sprite])
        paint(picture, [tree], [sprite])
        assert {*np.unique(numbers)} == {0, 7}
        np.testing.assert_array_equal(np.asarray(numbers) == 7, np.asarray(picture)[..., 1] > 45)


class TestObjects:
    @pytest.mark.parametrize("kind", range(5), ids=CLASS_NAMES)
    @pytest.mark.parametrize("heading", [0.0, 0.7, 1.6, 3.1, -2.0])
    def test_the_box_is_exactly_what_is_painted(self, kind: int, heading: float) -> None:
        for seed, (across, along) in enumerate([(0, 14), (-4, 25), (3, 40), (-3, 9)]):
            thing = build_one(spot(kind, across, along, heading), seed)
            canvas = Image.new("RGB", SIZE[::-1], (255, 0, 255))
            paint(canvas, [thing], [])
            rows, columns = np.nonzero((np.asarray(canvas) != (255, 0, 255)).any(axis=2))
            painted = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            # Pillow paints every pixel that a polygon's edge touches.
            np.testing.assert_allclose(painted, Sight(SIZE, smallest=1).add(thing), atol=1.01)

    @pytest.mark.parametrize("kind", range(5), ids=CLASS_NAMES)
    def test_sizes_follow_perspective(self, kind: int) -> None:
        for seed in range(4):
            boxes = [build_one(spot(kind, along=along), seed).extent for along in (60.0, 120.0)]
            heights = [bottom - top for _, top, _, bottom in boxes]
            # Not exactly 2: a vehicle's front is nearer than its middle.
            assert 1.9 < heights[0] / heights[1] < 2.25

    @pytest.mark.parametrize("kind", [CAR, BUS, LORRY, PEDESTRIAN])
    def test_everyone_stands_on_the_ground(self, kind: int) -> None:
        for seed in range(6):
            bottom = build_one(spot(kind, along=30.0), seed).extent[3]
            nearest = 30.0 - LENGTHS[kind] / 2
            # Feet and tyres are at most a stride or an overhang away from the nearest point of the footprint.
            ground = [100 + 250 * 1.5 / distance for distance in (nearest - 0.7, nearest + 3.3)]
            assert ground[1] < bottom < ground[0]

    @pytest.mark.parametrize("kind", range(5), ids=CLASS_NAMES)
    def test_estimates_hold_the_object(self, kind: int) -> None:
        for seed in range(20):
            rng = np.random.default_rng(seed)
            place = spot(kind, rng.uniform(-6, 6), rng.uniform(12, 50), rng.uniform(-3, 3))
            low, high = np.split(np.array(build_one(place, seed).extent), 2)
            around = estimate(place, camera())
            assert around is not None
            assert (low > np.array(around[:2]) - 1).all()
            assert (high < np.array(around[2:]) + 1).all()

    def test_nobody_stands_in_the_camera(self) -> None:
        rng = np.random.default_rng(0)
        for kind in (CAR, BUS, LORRY, PEDESTRIAN):
            assert build(spot(kind, along=0.5), camera(), Light.random(rng), rng) is None
            assert estimate(spot(kind, along=-20.0), camera()) is None

    def test_objects_beside_the_camera_are_cut_off(self) -> None:
        thing = build_one(spot(BUS, across=4.8, along=11.0), 0)
        whole, box = thing.extent, Sight(SIZE, smallest=1).add(thing)
        assert np.isfinite(whole).all()
        assert box is not None
        assert 0 < box[0] < box[2] == SIZE[1] < whole[2]
        # In perspective it is highest where it is nearest, outside the picture.
        assert whole[1] + 2 < box[1] < box[3] < whole[3] - 2


class TestSight:
    @staticmethod
    def rectangle(x1: float, y1: float, x2: float, y2: float, class_id: int | None = CAR) -> Thing:
        return Thing(square(np.zeros(3)), [Shape([x1, y1, x2, y1, x2, y2, x1, y2], (0, 0, 0))], class_id=class_id)

    @pytest.mark.parametrize(("width", "kept"), [(55, True), (65, False)])
    def test_what_is_mostly_hidden_is_left_out(self, width: int, kept: bool) -> None:
        sight = Sight(SIZE, smallest=6)
        assert sight.add(self.rectangle(50, 50, 50 + width, 150))
        assert (sight.add(self.rectangle(50, 60, 150, 140)) is not None) == kept

    def test_scenery_hides_too_but_is_never_left_out(self) -> None:
        sight = Sight(SIZE, smallest=6)
        assert sight.add(self.rectangle(50, 50, 150, 150, None))
        assert sight.add(self.rectangle(60, 60, 140, 140, None))
        assert not sight.add(self.rectangle(60, 60, 140, 140))

    def test_what_is_left_out_hides_nothing(self) -> None:
        sight = Sight(SIZE, smallest=6)
        assert not sight.add(self.rectangle(-80, 50, 20, 150))  # a fifth is within the picture
        assert sight.add(self.rectangle(-40, 50, 20, 150))  # a third
        assert not sight.add(self.rectangle(100, 100, 105, 105))  # too small
        assert not sight.add(self.rectangle(400, 50, 500, 150))
        assert sight.add(self.rectangle(100, 50, 200, 150))

    def test_full(self) -> None:
        sight = Sight(SIZE, smallest=6)
        assert not sight.is_full((50, 50, 100, 100))
        sight.add(self.rectangle(40, 40, 110, 110))
        assert sight.is_full((50, 50, 100, 100))
        assert not sight.is_full((50, 50, 200, 100))
        assert sight.is_full((400, 50, 500, 100))


class TestOrder:
    def test_a_post_before_the_rear_half_of_a_bus(self) -> None:
        bus = np.array([[3, 2], [5.5, 2], [5.5, 14], [3, 14.0]])
        before, behind, beside = (square(np.array([x, 0, z])) for x, z in ((2.4, 11), (6.5, 11), (-4, 8)))
        order = near_to_far(np.array([bus, before, behind, beside]), camera(yaw=0.6))
        assert order.index(1) < order.index(0) < order.index(2)

    @given(st.integers(0, 2**32))
    def test_no_line_of_sight_meets_them_in_another_order(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        places = [xyz(x, 0, z) + rng.uniform(-1, 1, 3) for x in range(-9, 10, 6) for z in range(6, 31, 6)]
        footprints = np.array([square(place, rng.uniform(0.2, 1.9)) for place in places])
        rank = np.argsort(near_to_far(footprints, camera()))
        for angle in np.linspace(-0.9, 0.9, 41):
            direction = np.array([np.sin(angle), np.cos(angle)])
            with np.errstate(divide="ignore"):
                low, high = footprints.min(axis=1) / direction, footprints.max(axis=1) / direction
            enter, leave = np.minimum(low, high).max(axis=1), np.maximum(low, high).min(axis=1)
            hit = np.flatnonzero(enter < leave)
            by_distance = hit[np.argsort(enter[hit])]
            assert (np.diff(rank[by_distance]) > 0).all()

    def test_nothing(self) -> None:
        assert near_to_far(np.zeros((0, 4, 2)), camera()) == []


class TestCamera:
    def test_the_horizon_is_at_eye_level(self) -> None:
        pixels = camera().pixels(camera().view(np.array([[0, 1.5, 1e6], [0, 0, 1e6], [2.0, 1.5, 50]])))
        np.testing.assert_allclose(pixels, [[150, 100], [150, 100], [160, 100]], atol=1e-3)

    def test_turning(self) -> None:
        ahead = np.array([0, 1.5, 100.0])
        assert camera(yaw=0.1).pixels(camera(yaw=0.1).view(ahead))[0] < 150  # looking to the right of it
        assert camera(pitch=0.1).pixels(camera(pitch=0.1).view(ahead))[1] < 100  # looking below it

    @given(st.floats(-0.5, 0.5), st.floats(-0.3, 0.3), st.floats(-40, 40), st.floats(5, 100))
    def test_rays_pass_through_what_pixels_show(self, yaw: float, pitch: float, across: float, along: float) -> None:
        view = camera(yaw, pitch)
        point = np.array([across, 0, along])
        viewed = view.view(point)
        assume(viewed[2] > 1)
        x, y = view.pixels(viewed)
        assume(1 < x < SIZE[1] - 1)
        assume(1 < y < SIZE[0] - 1)
        ray = view.rays()[int(y), int(x)]
        met = view.position + viewed[2] * ray
        # A pixel's half diagonal at that distance.
        assert np.linalg.norm(met - point) < 0.72 * viewed[2] / view.focal

    def test_clipping(self) -> None:
        triangle = np.array([[0, 0, -1], [1, 0, 1], [-1, 0, 1.0]])
        cut = clip_near(triangle)
        assert len(cut) == 4
        assert cut[:, 2].min() == pytest.approx(0.25)
        assert len(clip_near(triangle - xyz(0, 0, 5))) == 0
        np.testing.assert_array_equal(clip_near(triangle + xyz(0, 0, 5)), triangle + xyz(0, 0, 5))

    def test_hull_of_discs(self) -> None:
        outline = hull(np.array([[0, 0], [10, 0.0]]), np.array([1.0, 2]))
        np.testing.assert_allclose(outline.min(axis=0), [-1, -2], atol=1e-9)
        np.testing.assert_allclose(outline.max(axis=0), [12, 2], atol=1e-9)
