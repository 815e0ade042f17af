"""Sockets that the pose nodes share."""

from comfy_api.latest import io

from ...annotators.pose import MAX_GAP, OFFICIAL, PALETTES

PoseKeypoint = io.Custom("POSE_KEYPOINT")  # the host's own, and comfyui_controlnet_aux's


def drawing_sockets() -> list[io.Input]:
    """What is drawn of people, how, and how steadily."""
    return [
        io.Boolean.Input("body", default=True, optional=True, tooltip="Draws limbs and joints."),
        io.Boolean.Input("face", default=True, optional=True, tooltip="Draws the points of the face."),
        io.Boolean.Input(
            "hands",
            default=False,
            optional=True,
            tooltip="Draws fingers. The model was not trained with them; try it for large hands.",
        ),
        io.Boolean.Input(
            "smoothing",
            default=True,
            optional=True,
            tooltip="Takes out trembling and single wrong frames, without lag. Off draws what was found, as the "
            "official annotator does.",
        ),
        io.Combo.Input(
            "palette",
            options=list(PALETTES),
            default=OFFICIAL,
            optional=True,
            advanced=True,
            tooltip="official swaps red and blue, as the official annotator does; openpose is what other nodes "
            "draw. People use both with VACE.",
        ),
        io.Int.Input(
            "fill_gaps",
            default=MAX_GAP,
            optional=True,
            advanced=True,
            min=0,
            max=48,
            tooltip="A joint that is missing in up to this many frames in a row is drawn between where it was "
            "and where it comes back. 0 leaves it out.",
        ),
    ]
