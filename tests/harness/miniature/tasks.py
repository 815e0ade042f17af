"""What each published workflow shows in the miniature's world: its prompt, its inputs, and values of its nodes."""

from __future__ import annotations

from dataclasses import dataclass, field

PREFIX = "miniature_"
SIZES = {"width": 64, "height": 64, "length": 17}
SAMPLING = {"steps": 20, "cfg": 3.0, "shift": 3.0, "sampler": "euler", "sampler_name": "euler", "scheduler": "simple"}

CIRCLE, SQUARE = "a red circle moves right over sand", "a blue square moves right over sand"
TRIANGLE = "a cyan triangle moves left over night"
FIGURE = "a yellow figure walks right over stone"
TWO = "a pink circle moves up in front of a blue square over snow"
BOXES = "4,21,30,49 34,21,60,49"  # around the red circle, first and last


@dataclass(frozen=True)
class Task:
    """What a workflow does here.

    Attributes:
        prompt: Of the words that the miniature knows.
        files: What Load Video and Load Image load, in the order of the nodes.
        values: Of inputs, by name (``boxes``) or class and name (``VaceBuildVcu.length``).
    """

    prompt: str
    files: tuple[str, ...] = ()
    values: dict[str, object] = field(default_factory=dict)


# The node's socket, and what it loads where a workflow says nothing.
LOADERS = {"LoadVideo": ("file", "red_circle.webm"), "LoadImage": ("image", "blue_square.png")}
DEFAULT = Task(CIRCLE)
MASKED = ("red_circle.webm", "red_circle_mask.webp")
JOINED = {"overlap": 5, "overlap_first": 5, "overlap_second": 5, "gap": 7, "after": 12}
NARROW = {"aspect": "1:1"}

TASKS = {
    "adapter_on_plain_model": Task("a green circle moves right over stone"),
    "animate_anything": Task("a pink figure walks right over stone", ("yellow_figure.webm", "pink_figure.png")),
    "bridge_videos": Task(TRIANGLE, ("before.webm", "after.webm"), JOINED),
    "compose_inpaint_and_control": Task("a blue circle moves right over sand", values={"boxes": BOXES}),
    "control_flow": Task("a green circle moves right over night"),
    "control_lineart": Task("a yellow triangle moves left over stone", ("cyan_triangle.webm",)),
    "control_video": Task("a pink figure walks right over night", ("yellow_figure.webm",)),
    "crop_and_stitch": Task(SQUARE, values={"boxes": BOXES, "scale": "1:1", "smoothing": 1}),
    "expand_anything": Task(TWO, ("narrow_first.png", "pink_circle.png"), {"left": 0.5, "right": 0.5}),
    "extend_video": Task(TRIANGLE, ("before.webm",), JOINED | {"overlap_second": 0}),
    "first_frame": Task(TRIANGLE, ("cyan_triangle_first.png",)),
    "first_last_frame": Task(TRIANGLE, ("cyan_triangle_first.png", "cyan_triangle_last.png")),
    "inpaint_exact_pixels": Task(SQUARE, values={"boxes": BOXES}),
    "inpaint_moving_box": Task(SQUARE, values={"boxes": BOXES}),
    "inpaint_tracked_subject": Task(
        SQUARE,
        values={
            "VaceMaskSubject.boxes": "4,21,30,49",
            "subject_points": "17,34",
            "reach": 8,
            "edge_band": 2,
            "grow": 3.0,
        },
    ),
    "inpaint_with_reference": Task(SQUARE, ("red_circle.webp", "red_circle_mask.webp", "blue_square.png")),
    "interpolate_frames": Task(TRIANGLE, ("every_second.webm",)),
    "keyframes": Task(TRIANGLE, tuple(f"cyan_triangle_{place}.png" for place in ("first", "middle", "last"))),
    "last_frame": Task(TRIANGLE, ("cyan_triangle_last.png",)),
    "layout": Task(CIRCLE, values={"boxes": "7,24,27,44 37,24,57,44"}),
    "long_video": Task(
        f"{CIRCLE}\n---\na red circle moves left over sand",
        values={"VaceBuildVcu.length": 29, "segment_length": 17, "overlap": 5},
    ),
    "long_video_in_windows": Task(SQUARE, values={"VaceBuildVcu.length": 29, "overlap": 8}),
    "loop_video": Task("a red circle moves left over sand", values={"gap": 9, "overlap": 4}),
    "mix_controls": Task("a blue circle moves right over snow", MASKED),
    "motion_from_first_frame": Task(FIGURE, ("yellow_figure_first.png", "yellow_figure.webm"), {"length": 17}),
    "move_anything": Task(CIRCLE, ("red_circle_first.png",), {"boxes": "7,24,27,44 37,24,57,44"}),
    "outpaint": Task(TWO, ("narrow.webm",), NARROW),
    "portrait_to_landscape": Task(TWO, ("narrow_first.png", "pink_circle.png"), NARROW),
    "reference_anything": Task(SQUARE),
    "reference_to_video": Task(SQUARE),
    "save_vcu": Task(CIRCLE, values={"boxes": BOXES, "filename_prefix": "vcu/miniature"}),
    "swap_anything": Task(SQUARE, (*MASKED, "blue_square.png"), {"grow": 2}),
    "text_to_video": Task(CIRCLE),
}
