"""The convolutional-network course on Keras 3: models, training, data and the course's functions by name.

Every public name loads its module when it is first used: importing the package imports neither TensorFlow nor Keras.
"""

from importlib import import_module
from typing import Any

_MODULES = {
    "boxes": (
        "clip_xyxy",
        "pairwise_iou",
        "scale_xyxy",
        "xywh_to_xyxy",
        "xyxy_to_xywh",
        "xyxy_to_yxyx",
        "yxyx_to_xyxy",
    ),
    "convert.darknet": ("load_darknet",),
    "convert.darknet_cfg": ("read_cfg",),
    "convert.exports": ("export_detector",),
    "convert.legacy_keras": ("load_course_model", "load_yolo_h5"),
    "convert.open_detector": ("open_detector",),
    "convert.torchvision": ("load_torchvision_resnet",),
    "data.box_problems": ("find_problems",),
    "data.boxed_images": ("BoxedImage", "BoxedImages"),
    "data.darknet_jpeg": ("read_jpeg_as_darknet",),
    "data.detection_datasets": ("find_boxes", "write_boxes"),
    "data.detector_files": ("read_anchors", "read_classes"),
    "data.image_files": ("crop_and_resize", "read_image", "resize_image"),
    "data.image_folders": ("ImageFolder", "find_images"),
    "data.labelled_images": ("LabelledImages",),
    "data.landmarks": ("PointScheme", "flip_points", "read_pts", "write_pts"),
    "data.letterbox": ("Placement", "letterbox", "stretch"),
    "data.read_images": ("read_images",),
    "data.signs": (
        "convert_to_one_hot",
        "find_signs",
        "load_dataset",
        "random_mini_batches",
        "read_signs",
        "write_synthetic_signs",
    ),
    "data.synthetic.bodies": ("DrawnBody", "draw_bodies"),
    "data.synthetic.faces": ("DrawnBlinks", "DrawnFace", "draw_blinks", "draw_faces"),
    "data.synthetic.landmark_set": ("LandmarkImages", "draw_landmark_images"),
    "data.synthetic.road_scenes": ("RoadScene", "draw_road_scenes"),
    "detection.anchors": ("find_anchors", "sizes_in_cells"),
    "detection.draw": ("draw_boxes", "draw_detections", "get_colors_for_classes"),
    "detection.draw_suppression": ("animate_suppression",),
    "detection.predict": ("detect",),
    "detection.predict_course": ("predict", "preprocess_image"),
    "detection.select_boxes": ("SelectedBoxes", "non_max_suppression", "select_boxes"),
    "detection.select_boxes_course": ("iou", "yolo_eval", "yolo_filter_boxes", "yolo_non_max_suppression"),
    "detection.select_boxes_padded": ("PaddedBoxes", "yolo_eval_batch", "yolo_eval_ops"),
    "detection.select_boxes_notes": ("notes_non_max_suppression", "suppression_steps"),
    "detection.sliding_windows": ("classify_convolutions", "classify_crops", "detect_windows"),
    "detection.soft_nms": ("soft_non_max_suppression",),
    "detection.yolo_head": ("scale_boxes", "yolo_boxes_to_corners", "yolo_head"),
    "detection.yolo_loss": ("YoloLoss", "YoloMetrics"),
    "detections": ("Detections",),
    "landmarks.component_maps": ("component_maps",),
    "landmarks.draw": ("draw_points",),
    "landmarks.eye_blinks": ("eye_aspect_ratio", "find_blinks"),
    "landmarks.wear": ("wear_crown", "wear_glasses"),
    "metrics.coco": ("coco_metrics",),
    "metrics.images": ("psnr", "ssim"),
    "metrics.landmarks": ("LandmarkMetrics", "measure_landmarks"),
    "metrics.measure_detector": ("measure_detector",),
    "metrics.voc": ("voc_metrics",),
    "models.classifier": ("Classifier", "load_classifier"),
    "models.darknet_layers": ("darknet_model",),
    "models.detector": ("Detector", "load_detector"),
    "models.fold_batch_norms": ("fold_batch_norms",),
    "models.fully_convolutional": ("FullyConvolutional", "to_fully_convolutional"),
    "models.grad_cam": ("grad_cam",),
    "models.heatmaps": ("decode_heatmaps", "encode_heatmaps"),
    "models.hourglass": ("stacked_hourglass",),
    "models.landmark_finder": ("FoundPoints", "LandmarkFinder", "load_landmark_finder"),
    "models.landmarks": ("CoordinatesLoss", "HeatmapsLoss", "coordinates_head", "landmark_regressor"),
    "models.mobilenet": ("alpaca_model", "data_augmenter"),
    "models.overfeat": ("overfeat_lecture",),
    "models.resnet": (
        "ResNet18",
        "ResNet34",
        "ResNet101",
        "ResNet152",
        "resnet",
        "stage_outputs",
    ),
    "models.resnet_course": ("ResNet50", "convolutional_block", "identity_block"),
    "models.super_resolution": ("face_super_resolution",),
    "models.window_classifier": ("WindowClassifier", "load_window_classifier"),
    "models.yolov2": ("Network", "yolov2", "yolov2_tiny"),
    "training.augment": ("Augmentation",),
    "training.augment_boxes": ("BoxAugmentation",),
    "training.augment_points": ("augment_points",),
    "training.batch_norm": ("fused_batch_norm", "reestimate_statistics"),
    "training.detection_metrics": ("DetectionMetrics",),
    "training.detector_batches": ("BoxedPixels", "read_boxed_pixels"),
    "training.device": ("prepare_devices",),
    "training.fit": ("FitConfig", "fit"),
    "training.fit_landmarks": ("LandmarkFitConfig", "fit_landmarks"),
    "training.fit_settings": ("FitSettings",),
    "training.fit_targets": ("TargetImages", "fit_targets"),
    "training.fit_detector": ("DetectorFitConfig", "DetectorPlan", "fit_detector"),
    "training.fit_super_resolution": ("SuperResolutionFitConfig", "fit_super_resolution"),
    "training.run_folder": ("RunFolder",),
    "transfer.backbones": ("Backbone", "load_backbone"),
    "transfer.detectors": ("DetectionNetwork", "detection_network"),
    "transfer.features": ("cached_features", "feature_cache"),
    "transfer.head": ("HeadConfig",),
    "transfer.layer_groups": (
        "check_compiled",
        "freeze",
        "group_table",
        "groups_by_depth",
        "groups_by_pattern",
        "groups_by_stage",
        "groups_from_layer",
        "learning_rate_factors",
        "unfreeze",
    ),
    "transfer.recipes": ("Recipe", "choose_recipe", "train_transfer", "transfer_model"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
