"""What is wrong, as sentences for whoever runs a batch."""


class BatchError(Exception):
    """Something that the user has to change; the message is the sentence."""


class RefusedError(Exception):
    """ComfyUI did not take a prompt; the message says which node and why."""


class NodeFailedError(Exception):
    """A node raised, or was interrupted.

    Attributes:
        kind: Name of what it raised; ``Interrupted`` if it was stopped.
        title: Of the node.
    """

    def __init__(self, kind: str, title: str, sentence: str) -> None:
        self.kind, self.title = kind, title
        super().__init__(sentence)


class HostDiedError(Exception):
    """ComfyUI ended, or does not answer."""
