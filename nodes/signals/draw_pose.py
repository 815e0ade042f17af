"""Node that draws poses which other nodes found."""

from dataclasses import replace

import torch
from comfy_api.latest import io

from ...annotators.pose import (
    DrawPose,
    Look,
    People,
    parse_people,
    people_at_length,
    read_people,
    resized,
    retarget,
    smooth,
    to_keypoints,
)
from ...vace_core.errors import VaceInputError
from ...vace_core.notes import collect_notes, tell
from ...vace_core.video import Clip, legal_frames
from .._host.report import publish
from .._host.signals import annotate
from .._host.video import read_clip, write_clip
from .._node import VaceNode
from .._sockets import length_socket, size_sockets, video_socket
from ._pose import PoseKeypoint, drawing_sockets


class VaceDrawPose(VaceNode):
    """Poses as control video."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VaceDrawPose",
            display_name="VACE Draw Pose",
            category="vace/control",
            description="Poses that another node found, drawn as VACE was trained to follow them, without trembling.",
            search_aliases=["openpose", "dwpose", "sdpose", "skeleton", "keypoints", "retarget", "vitpose"],
            inputs=[
                PoseKeypoint.Input(
                    "pose_keypoints",
                    optional=True,
                    tooltip="From SDPose Keypoint Extractor, or from a DWPose or OpenPose node of another pack.",
                ),
                video_socket(
                    "frames",
                    optional=True,
                    tooltip="The video that the pose was found in: gives size, frame rate and sound.",
                ),
                PoseKeypoint.Input(
                    "reference_pose",
                    optional=True,
                    tooltip="Pose of a picture of somebody else, whole. The people in the video keep moving as they "
                    "do and get the proportions of this person.",
                ),
                *_size_inputs(),
                *drawing_sockets(),
                io.String.Input(
                    "pose_json",
                    default="",
                    multiline=True,
                    optional=True,
                    tooltip="Instead of pose_keypoints: the text of a saved pose, a list of frames in OpenPose's form.",
                    advanced=True,
                ),
            ],
            outputs=[
                io.Image.Output(display_name="control_video", tooltip="Poses on black, for VACE Build VCU."),
                io.Video.Output(
                    display_name="video", tooltip="The same with the frame rate and sound of frames; 16 fps without."
                ),
                PoseKeypoint.Output(
                    display_name="pose_keypoints", tooltip="The poses as drawn, in pixels, for other nodes."
                ),
                io.String.Output(
                    display_name="report", tooltip="What was filled in, put back or repaired, a sentence each."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls, width, height, length, body, face, hands, palette, smoothing, fill_gaps,
        pose_keypoints, frames, reference_pose, pose_json,
    ) -> io.NodeOutput:  # fmt: skip
        clip = None if frames is None else read_clip(frames)
        with collect_notes() as notes:
            video = None if clip is None else legal_frames("frames", clip.frames)
            smoothed = smooth(_people(pose_keypoints, pose_json), smoothing, fill_gaps)
            people = smoothed.people
            if reference_pose is not None:
                people = retarget(people, read_people("reference_pose", reference_pose))
            people = _placed(people, video, width, height, length)
        black = torch.zeros(1, 1, 1, 1).expand(len(people.points), people.height, people.width, 3)
        control = annotate(DrawPose(people, Look(body, face, hands, palette)), black, keep=False)
        report = publish(cls, [*smoothed.notes(), *notes])
        shown = Clip(control) if clip is None else replace(clip, frames=control)
        return io.NodeOutput(control, write_clip(shown), to_keypoints(people), report)


def _size_inputs() -> list[io.Input]:
    length = length_socket("Frames. 0 takes as many as frames, or as the pose. More hold the last pose.")
    return [*size_sockets("frames, or else of the picture that the pose was found in", optional=False), length]


def _people(pose_keypoints: object, pose_json: str) -> People:
    if pose_keypoints is None and not pose_json.strip():
        raise VaceInputError(
            "pose_keypoints is not connected and pose_json is empty. Connect a node that finds poses, such as SDPose "
            "Keypoint Extractor, or paste a saved pose into pose_json."
        )
    if pose_keypoints is None:
        return parse_people("pose_json", pose_json)
    if pose_json.strip():
        tell("json-unused", "pose_json is not used, because pose_keypoints is connected.")
    return read_people("pose_keypoints", pose_keypoints)


def _placed(people: People, video: torch.Tensor | None, width: int, height: int, length: int) -> People:
    """People at the size and length asked for, else the video's, else their own."""
    own = (len(people.points), people.height, people.width)
    given = own if video is None else tuple(video.shape[:3])
    count, rows, columns = (asked or other for asked, other in zip((length, height, width), given, strict=True))
    return people_at_length(resized(people, rows, columns), count)
