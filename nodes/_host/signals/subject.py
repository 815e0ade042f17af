"""Networks that find a subject, with weights from users' files."""

from ....annotators.pose import Runtime
from ....annotators.subject import SELFIE_FILE, PersonMask, Salient, U2Net
from ....annotators.tflite import load_tflite
from ....vace_core.notes import tell
from .files import Weights, find_weights, mediapipe_file, read_weights, weights_state
from .networks import Network, load_weights, manage_network

U2NET = Weights(("u2net.pt", "u2net.pth"), "https://huggingface.co/ali-vilab/VACE-Annotators (salient)")
SELFIE = mediapipe_file("selfie_segmentation", "selfie_segmentation.tflite")
SALIENT_FILES = {"u2net": U2NET}
MEMORY = 1000  # bytes for each number it takes, measured: maps of all sizes are kept for the way back up


def salient_annotator(threshold: float) -> Salient:
    """What stands out, by the file of this machine; it is read when frames are looked at.

    Args:
        threshold: In [0, 1]; above it a pixel is of the subject.

    Raises:
        VaceInputError: If the file is not on this machine.
    """
    path = find_weights(U2NET, "The method u2net")
    tell("file-used", f"The subject is what {path.name} finds to stand out.")

    def load() -> Network:
        return manage_network(load_weights(U2Net, read_weights(path), path.name), MEMORY)

    return Salient(load, weights_state(path), threshold)


def person_annotator(threshold: float, clean: bool) -> PersonMask:
    """A person, by the file of this machine; it is read when frames are looked at.

    Args:
        threshold: In [0, 1]; above it a pixel is of the person.
        clean: Whether the mask is tidied.

    Raises:
        VaceInputError: If the file is not on this machine.
    """
    path = find_weights(SELFIE, "The method selfie")
    tell("file-used", f"The subject is what {path.name} takes for a person.")

    def load() -> Runtime:
        network = load_tflite(path, *SELFIE_FILE)
        return Runtime(path.name, manage_network(network), (network.values,))

    return PersonMask(load, weights_state(path), threshold, clean)
