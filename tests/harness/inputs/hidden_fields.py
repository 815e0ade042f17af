"""Fields that the page hides because they do not matter, for the tests of page and nodes alike."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Hidden:
    """A node as it stands, and what is hidden on it.

    Attributes:
        node_id: The node.
        values: Its fields, as a page names them; the others have their defaults.
        wired: Inputs that something is connected to.
        fields: What is hidden, and another value of it that changes nothing.
    """

    node_id: str
    values: dict = field(default_factory=dict)
    wired: tuple[str, ...] = ()
    fields: dict = field(default_factory=dict)


PATH = "10%,10%,50%,50% 40%,40%,90%,90%"
STILL = "10%,10%,50%,50%"
EXPANSION = {"ratio": 2.0, "augment_seed": 7, "iterations": 1}
SIZE = {"width": 96, "height": 64, "length": 5}

HIDDEN = [
    Hidden(
        "VaceInpaintVideo",
        {"boxes": STILL},
        ("video",),
        {"unit": "% of object", "augment_seed": 7, "easing": "ease in", "soft_mask": True},
    ),
    Hidden("VaceInpaintVideo", {"boxes": PATH, "augment": "bbox_expand", "feather": 3}, ("video", "mask"), {}),
    Hidden(
        "VaceInpaintVideo",
        {"boxes": f"a: {STILL}\nb: {STILL}", "augment": "hull", "grow": -2},
        ("video", "mask", "control"),
        {"keep_amount": 0.5, "augment_seed": 7, "easing": "ease out"},
    ),
    Hidden("VaceOutpaintVideo", {"by": "wider"}, ("video",), {"extend_references": True}),
    Hidden("VaceOutpaintVideo", {"by": "wider"}, ("video", "references.reference_image_0"), {}),
    Hidden("VaceBuildVcu", {}, (), {"inside_mask": "control", "soft_mask": True, "fit": "stretch"}),
    Hidden("VaceBuildVcu", {"width": 64}, ("control_video",), {"inside_mask": "control", "soft_mask": True}),
    Hidden("VaceBuildVcu", {}, ("control_video", "control_masks"), {}),
    Hidden("VaceAugmentMask", {"mode": "bbox"}, ("mask",), EXPANSION),
    Hidden("VaceAugmentMask", {"mode": "original_expand"}, ("mask",), {}),
    Hidden("VaceGrowMask", {"grow": 0}, ("mask",), {"unit": "% of object"}),
    Hidden("VaceGrowMask", {"grow": 0, "feather": 2}, ("mask",), {}),
    Hidden("VaceDrawBoxMask", {"boxes": STILL, **SIZE}, (), {"easing": "ease in"}),
    Hidden("VaceDrawBoxMask", {"boxes": f"{STILL};{PATH}", **SIZE}, (), {}),
    Hidden("VaceDrawLayout", {"boxes": STILL, **SIZE}, (), {"easing": "ease in", "official_motion": False}),
    Hidden("VaceDrawLayout", {"boxes": f"a: {STILL.replace(',', ' , ')} @0 {STILL}@4", **SIZE}, (), {}),
    Hidden(
        "VaceMakeAnything",
        {"combination": "move", "combination.boxes": STILL, "length": 5},
        ("combination.picture",),
        {"combination.easing": "ease in"},
    ),
    Hidden("VaceFitVideo", {"budget": "480p"}, ("video",), {"width": 32, "height": 48}),
    Hidden("VaceFitVideo", {"budget": "custom"}, ("video",), {}),
    Hidden("VaceCropVcu", {"scale": "1:1"}, ("vcu",), {"megapixels": 0.01}),
    Hidden("VaceCropVcu", {"scale": "custom"}, ("vcu",), {}),
    Hidden("VacePasteBack", {"feather": 0}, ("frames", "vcu"), {"feather_side": "inside"}),
    Hidden("VacePasteBack", {"feather": 2}, ("frames", "vcu"), {}),
    Hidden("VacePrepareReference", {"role": "background"}, ("image", "mask"), {"margin": 0.9}),
    Hidden("VacePrepareReference", {"role": "face"}, ("image", "mask"), {}),
]
