"""Node that finds the people of a video and draws their poses."""

from dataclasses import replace

from comfy_api.latest import io

from ...annotators.pose import (
    BLAZE_SCORE,
    FALLBACKS,
    LEAST_SCORE,
    OFFICIAL_SCORE,
    RCNN_SCORE,
    WHOLE_FRAME,
    DrawPose,
    Look,
    smooth,
    to_keypoints,
)
from ...vace_core.notes import collect_notes, tell
from ...vace_core.video import legal_frames
from .._host.report import publish
from .._host.signals import BLAZE, ONNX, RCNN, SCRIPT, Detector, annotate, find_people, pose_detector
from .._host.video import read_clip, write_clip
from .._node import VaceNode
from .._sockets import video_socket
from ._pose import PoseKeypoint, drawing_sockets


def _person_score(default: float) -> io.Input:
    return io.Float.Input(
        "person_score",
        default=default,
        optional=True,
        min=LEAST_SCORE,
        max=1.0,
        step=0.05,
        tooltip="How sure the detector must be of a person. Lower it when somebody is missed, raise it when things are "
        "taken for people.",
    )


def _dwpose() -> list[io.Input]:
    fallback = io.Combo.Input(
        "without_person",
        options=list(FALLBACKS),
        default=WHOLE_FRAME,
        optional=True,
        tooltip="When no person is detected in a frame. official whole frame looks for one pose in all of it, which "
        "helps with close-ups and may draw a pose where nobody is; nobody leaves the frame black.",
    )
    return [_person_score(OFFICIAL_SCORE), fallback]


class VaceAnnotatePose(VaceNode):
    """Poses of the people in a video, as control video."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        option = io.DynamicCombo.Option
        return io.Schema(
            node_id="VaceAnnotatePose",
            display_name="VACE Annotate Pose",
            category="vace/control",
            description="Finds the people in a video and draws their poses as VACE was trained to follow them.",
            search_aliases=[
                *("openpose", "dwpose", "skeleton", "keypoints", "pose estimation", "yolox", "onnx"),
                *("blazepose", "mediapipe"),
            ],
            inputs=[
                video_socket("frames", tooltip="A video with people in it."),
                io.DynamicCombo.Input(
                    "method",
                    options=[
                        option(SCRIPT, _dwpose()),
                        option(ONNX, _dwpose()),
                        option(RCNN, [_person_score(RCNN_SCORE)]),
                        option(BLAZE, [_person_score(BLAZE_SCORE)]),
                    ],
                    optional=True,
                    tooltip="All need files on this machine; a message says which. dwpose is VACE's own detector as "
                    "TorchScript, for any GPU. dwpose onnx is the same as ONNX, which uses a GPU only if "
                    "onnxruntime does. keypoint rcnn finds bodies only, no faces and no hands, and is slow on a CPU. "
                    "blazepose follows one person, with two small files of mediapipe; it gives body and feet, and few "
                    "points of face and hands.",
                ),
                *drawing_sockets(),
            ],
            outputs=[
                io.Image.Output(display_name="control_video", tooltip="Poses on black, for VACE Build VCU."),
                io.Video.Output(display_name="video", tooltip="The same with the frame rate and sound of the source."),
                PoseKeypoint.Output(
                    display_name="pose_keypoints",
                    tooltip="The poses as drawn, in pixels, for VACE Draw Pose and other nodes.",
                ),
                io.String.Output(
                    display_name="report", tooltip="How many people were found, by which files, and what was repaired."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, frames, body, face, hands, palette, smoothing, fill_gaps, method) -> io.NodeOutput:
        clip = read_clip(frames)
        with collect_notes() as notes:
            legal = legal_frames("frames", clip.frames)
            found = find_people(_detector(method, face or hands), legal)
        smoothed = smooth(found.people(*legal.shape[1:3]), smoothing, fill_gaps)
        control = annotate(DrawPose(smoothed.people, Look(body, face, hands, palette)), legal, keep=False)
        report = publish(cls, [*found.notes(), *smoothed.notes(), *notes])
        return io.NodeOutput(control, write_clip(replace(clip, frames=control)), to_keypoints(smoothed.people), report)


def _detector(method: dict, more_than_body: bool) -> Detector:
    settings = dict(method)
    name = settings.pop("method")
    if name == RCNN and more_than_body:
        tell("bodies-only", "Keypoint R-CNN finds no faces and no hands; only bodies are drawn.")
    if name == BLAZE:
        few = " Of a face it gives seven points, of a hand four, and no more are drawn." if more_than_body else ""
        tell("one-person", f"BlazePose follows one person, whoever it is surest of.{few}")
    if "without_person" in settings:
        settings["fallback"] = settings.pop("without_person")
    return pose_detector(name, settings)
