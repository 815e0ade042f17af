"""Nodes that find a subject's mask in a frame, and follow it through the clip."""

from dataclasses import replace

from comfy_api.latest import io

from ...annotators.subject import (
    ByFlow,
    ByPoints,
    Follower,
    Hints,
    MaskTrack,
    grab_cut,
    masks_of,
    parse_frames,
    subject_notes,
    track_notes,
)
from ...vace_core.masks import keep
from ...vace_core.notes import collect_notes
from ...vace_core.video import legal_frames
from .._host.report import publish
from .._host.signals import annotate, person_annotator, salient_annotator
from .._host.video import read_clip, write_clip
from .._node import VaceNode
from .._sockets import video_socket

GRAB_CUT, U2NET, SELFIE = "grabcut", "u2net", "selfie"
FLOW, RIGID = "optical flow", "rigid motion"
NOTHING_FOUND = {
    GRAB_CUT: "Give it points on the subject, or a closer box.",
    U2NET: "Nothing stands out there; try the method grabcut with a box.",
    SELFIE: "Nobody is near enough there; lower threshold, or try the method grabcut with a box.",
}


def _which(default: str, tooltip: str) -> io.Input:
    return io.String.Input("which_frames", default=default, optional=True, tooltip=tooltip)


def _clean() -> io.Input:
    return io.Boolean.Input(
        "clean", default=True, optional=True, tooltip="Drops hairs and small islands, and fills small holes."
    )


def _grab_cut() -> list[io.Input]:
    points = "x,y in pixels or per cent, spaces between: 120,80 50%,25%. The same in every frame."
    return [
        io.String.Input(
            "boxes",
            default="",
            optional=True,
            multiline=True,
            tooltip="Around the subject, close to it: left,top,right,bottom in pixels or per cent of the frame, "
            "such as 10%,20%,60%,95%. A line for each subject; several boxes in a line are its path, @40 its frame.",
        ),
        io.Mask.Input(
            "mask",
            optional=True,
            tooltip="A rough mask to make exact: painted, or of another node. White is the subject. With boxes, only "
            "what is in them counts.",
        ),
        io.String.Input(
            "subject_points",
            default="",
            optional=True,
            tooltip=f"Points on the subject: parts that were left out. {points}",
        ),
        io.String.Input(
            "background_points",
            default="",
            optional=True,
            tooltip=f"Points beside it: what was taken in wrongly. {points}",
        ),
        io.Int.Input(
            "reach",
            default=16,
            optional=True,
            min=1,
            max=512,
            tooltip="Of a rough mask only: how many pixels its outline may be off, to either side.",
        ),
        _clean(),
        _which("0", "Where to look: frames such as 0, 40, -1, or all. One is enough for VACE Track Mask."),
    ]


def _threshold(tooltip: str) -> io.Float.Input:
    return io.Float.Input("threshold", default=0.5, optional=True, min=0.0, max=1.0, step=0.01, tooltip=tooltip)


def _u2net() -> list[io.Input]:
    return [
        _threshold("How sure the network must be. Lower takes in more; the official code takes in all above 0."),
        _which("all", "Where to look: all, or frames such as 0, 40, -1. The official code looks at frame 0 only."),
    ]


def _selfie() -> list[io.Input]:
    return [
        _threshold("How sure the network must be that a pixel is of a person. Lower takes in more."),
        _clean(),
        _which("all", "Where to look: all, or frames such as 0, 40, -1."),
    ]


class VaceMaskSubject(VaceNode):
    """The mask of a subject."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        option = io.DynamicCombo.Option
        return io.Schema(
            node_id="VaceMaskSubject",
            display_name="VACE Mask Subject",
            category="vace/mask",
            description="Finds the exact outline of a subject from a box, points or a rough mask, or by itself what "
            "stands out.",
            search_aliases=[
                *("segment", "grabcut", "salient", "u2net", "background removal", "cut out", "sam", "matte"),
                *("person", "selfie", "mediapipe"),
            ],
            inputs=[
                video_socket("frames", tooltip="A video or a picture."),
                io.DynamicCombo.Input(
                    "method",
                    options=[option(GRAB_CUT, _grab_cut()), option(U2NET, _u2net()), option(SELFIE, _selfie())],
                    optional=True,
                    tooltip="grabcut goes by your hints and by colour and needs no file. u2net finds what stands out; "
                    "its file u2net.pt must be on this machine. selfie finds a person near the camera, by a small file "
                    "of mediapipe.",
                ),
            ],
            outputs=[
                io.Mask.Output(display_name="mask", tooltip="White is the subject; a mask for each frame looked at."),
                io.Image.Output(display_name="preview", tooltip="The subject on grey, to check the outline."),
                io.String.Output(
                    display_name="mask_frames", tooltip="The frames looked at, for mask_frames of VACE Track Mask."
                ),
                io.String.Output(display_name="report", tooltip="How much the subject covers, and what looks wrong."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, frames, method) -> io.NodeOutput:
        with collect_notes() as notes:
            legal = legal_frames("frames", read_clip(frames).frames)
            settings = dict(method)
            name = settings.pop("method")
            chosen = parse_frames("which_frames", settings.pop("which_frames"), len(legal))
            if name == GRAB_CUT:
                finder = grab_cut(Hints(**settings), legal, chosen, "which_frames")
            else:
                finder = (salient_annotator if name == U2NET else person_annotator)(**settings)
            looked_at = legal[chosen]
            mask = annotate(finder, looked_at)[..., 0]
        notes += subject_notes(mask, chosen, NOTHING_FOUND[name])
        report = publish(cls, notes)
        return io.NodeOutput(mask, keep(looked_at, mask.to(looked_at)), ", ".join(map(str, chosen)), report)


def _flow() -> list[io.Input]:
    return [
        io.Boolean.Input(
            "refine_edges",
            default=True,
            optional=True,
            tooltip="Finds the outline anew in each frame, where colours change. Off is faster, but the mask wears "
            "away within a few frames of fast motion.",
        ),
        io.Int.Input(
            "edge_band",
            default=5,
            optional=True,
            min=1,
            max=64,
            tooltip="How many pixels the outline may lie from where motion puts it. More for large or blurred frames, "
            "less where the background has the subject's colours.",
        ),
    ]


class VaceTrackMask(VaceNode):
    """A mask followed through a clip."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        option = io.DynamicCombo.Option
        return io.Schema(
            node_id="VaceTrackMask",
            display_name="VACE Track Mask",
            category="vace/mask",
            description="Carries the mask of one frame, or of a few, through the whole clip.",
            search_aliases=["propagate mask", "video mask", "rotoscope", "sam2", "masktrack", "follow"],
            inputs=[
                video_socket("frames", tooltip="The clip, two frames or more."),
                io.Mask.Input(
                    "mask",
                    tooltip="The subject in one frame, white, or in each frame that mask_frames names. A black one "
                    "says that it is gone from there on.",
                ),
                io.String.Input(
                    "mask_frames",
                    default="0",
                    optional=True,
                    tooltip="The frame that the mask is of, or several: 0, 40, -1. The first is 0, -1 is the last.",
                ),
                io.DynamicCombo.Input(
                    "method",
                    options=[option(FLOW, _flow()), option(RIGID, [])],
                    optional=True,
                    tooltip="optical flow follows every pixel, for people, animals, cloth. rigid motion moves, turns "
                    "and scales the mask as a whole, for signs, screens, cars, even where colours do not part them.",
                ),
            ],
            outputs=[
                io.Mask.Output(display_name="mask", tooltip="White is the subject; one mask per frame of the clip."),
                io.Image.Output(display_name="preview", tooltip="The subject on grey, to check the outline."),
                io.Video.Output(
                    display_name="video", tooltip="The preview with the frame rate and sound of the source."
                ),
                io.String.Output(display_name="report", tooltip="How large the mask stays, and where it may be lost."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, frames, mask, mask_frames, method) -> io.NodeOutput:
        clip = read_clip(frames)
        with collect_notes() as notes:
            legal = legal_frames("frames", clip.frames)
            keys = parse_frames("mask_frames", mask_frames, len(legal))
            given = masks_of(mask, legal, keys, "mask_frames")
            tracked = annotate(MaskTrack(tuple(keys), given, _follower(method)), legal)[..., 0]
        notes += track_notes(tracked, keys)
        report = publish(cls, notes)
        preview = keep(legal, tracked.to(legal))
        return io.NodeOutput(tracked, preview, write_clip(replace(clip, frames=preview)), report)


def _follower(method: dict) -> Follower:
    if method["method"] == RIGID:
        return ByPoints()
    return ByFlow(method["refine_edges"], method["edge_band"])
