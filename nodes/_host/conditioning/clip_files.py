"""Encoded clips on disk, in the host's temp folder: more than memory has room for, and those of a VAE that is gone."""

import os
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import folder_paths
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor

from ....vace_core.files import remove_abandoned, used_last
from ....vace_core.notes import tell
from ..types import VAE
from .clip_memory import digest_of, fastest_hash

FOLDER = "vace_clips"
SUFFIX, PART = ".safetensors", ".part"
MEBI = 2**20
WEIGHTS = "wan_vace_weights"


@dataclass(frozen=True)
class ClipFiles:
    """A folder of encoded clips, which several processes may share.

    Attributes:
        folder: Where they lie; made when it is needed.
        limit: Bytes that they may take together; those that were not used for longest go.
        encoded_by: What else than the clip the latents depend on.
    """

    folder: Path
    limit: int
    encoded_by: tuple = ()

    def at(self, content: tuple) -> "ClipFile":
        """The file for a clip, whether it is there or not.

        Args:
            content: What tells the clip from others.
        """
        hasher = fastest_hash()()
        hasher.update(repr((content, self.encoded_by)).encode())
        return ClipFile(self, self.folder / f"{hasher.hexdigest()[:32]}{SUFFIX}")

    def keep_to_limit(self) -> None:
        """Let go of files until the rest, those included that are being written, keeps to the limit."""
        held, files = 0, []
        remove_abandoned(self.folder.glob(f"*{PART}"))
        for path in self.folder.iterdir():
            with suppress(FileNotFoundError):  # another process lets go of them, too
                size = path.stat().st_size
                held += size
                if path.suffix == SUFFIX:
                    files.append((used_last(path), size, path))
        for _, size, path in sorted(files):
            if held > self.limit:
                path.unlink(missing_ok=True)
                held -= size


@dataclass(frozen=True)
class ClipFile:
    """One encoded clip.

    Attributes:
        files: Those it belongs to.
        path: Where it lies, or is to lie.
    """

    files: ClipFiles
    path: Path

    def read(self) -> Tensor | None:
        """The latents; None where there are none. A file that is damaged is told of, and taken for none."""
        try:
            found = load(self.path.read_bytes())
            latents, digest = found["latents"], found["digest"]
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            return self._damaged(str(error))
        if digest_of(latents) != bytes(digest.tolist()):
            return self._damaged("its numbers are others")
        with suppress(OSError):  # another process may just have let go of it
            os.utime(self.path)
        return latents

    def write(self, latents: Tensor) -> None:
        """Keep latents, whole or not at all; one that does not fit is told of.

        Args:
            latents: [1, 16, t, h, w].
        """
        digest = torch.tensor(list(digest_of(latents)), dtype=torch.uint8)
        part = self.path.with_name(f"{uuid.uuid4().hex}{PART}")
        try:
            self.files.folder.mkdir(parents=True, exist_ok=True)
            save_file({"latents": latents.cpu().contiguous(), "digest": digest}, part)
            size = part.stat().st_size
            if size > self.files.limit:
                tell("clip-not-stored", f"disk_cache has no room for a clip of {size / MEBI:.1f} MiB. Make it larger.")
                return
            self.files.keep_to_limit()
            part.replace(self.path)
        except (OSError, SafetensorError) as error:
            tell("clip-not-stored", f"An encoded clip could not be kept in {self.files.folder} ({error}).")
        finally:
            with suppress(OSError):  # of a folder that is none
                part.unlink(missing_ok=True)

    def _damaged(self, reason: str) -> None:
        tell("clip-damaged", f"{self.path.name} in {FOLDER} is damaged ({reason}); the clip is encoded once more.")


def clip_files(vae: VAE, mebibytes: int) -> ClipFiles | None:
    """Those that a VAE encoded, in the host's temp folder; None for none, or where its weights are not known.

    Args:
        vae: The Wan 2.1 VAE, of the known build.
        mebibytes: That all may take together, whichever VAE encoded them.
    """
    if not mebibytes:
        return None
    weights = _weights_digest(vae)
    if weights is None:
        tell("clip-not-stored", "This VAE is patched, or not in memory as a whole; disk_cache is not used for it.")
        return None
    encoded_by = weights, vae.vae_dtype, str(vae.device), torch.__version__
    return ClipFiles(Path(folder_paths.get_temp_directory(), FOLDER), mebibytes * MEBI, encoded_by)


def _weights_digest(vae: VAE) -> str | None:
    """Of all weights that encode, worked out once for each VAE; None where they are patched or not there."""
    if vae.patcher.patches or vae.patcher.object_patches:
        return None
    network, hasher = vae.first_stage_model, fastest_hash()()
    known, digest = vae.patcher.get_attachment(WEIGHTS) or (None, None)
    if known != id(network):  # a clone may have been given another
        weights = {**network.encoder.state_dict(prefix="encoder."), **network.conv1.state_dict(prefix="conv1.")}
        if any(weight.device.type == "meta" for weight in weights.values()):
            return None
        for name, weight in weights.items():
            hasher.update(f"{name} {weight.dtype} {tuple(weight.shape)}".encode())
            hasher.update(weight.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
        digest = hasher.hexdigest()
        vae.patcher.set_attachments(WEIGHTS, (id(network), digest))
    return digest
