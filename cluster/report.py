"""The report of a batch: one HTML page with a strip of frames for each job, its settings, its error."""

from __future__ import annotations

import contextlib
import io
import json
import sqlite3
from collections.abc import Iterator
from html import escape
from pathlib import Path
from urllib.parse import quote

import av
from PIL import Image

from .batch import DONE, FAILED, SEEDS, Manifest, write_whole
from .live import duration, summary_line
from .results import OUTPUTS

PAGE, STRIPS = "report.html", "strips"
FRAMES, HEIGHT, GAP = 6, 96, 4
PICTURES = (".png", ".jpg", ".jpeg", ".webp")
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; width: 100%; } td, th { padding: .5rem; vertical-align: top; text-align: left; }
tr { border-top: 1px solid #ddd; } img { display: block; max-width: 100%; } .failed, .failed a { color: #a00; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 .8rem; margin: 0; font-size: 13px; }
dt { color: #777; } dd { margin: 0; overflow-wrap: anywhere; white-space: pre-line; }
"""


def write_report(manifest: Manifest) -> Path:
    """Write the page anew, and the strips that are not there yet.

    Args:
        manifest: Of a batch, finished or not.

    Returns:
        The page.
    """
    page = manifest.folder / PAGE
    write_whole(page, "".join(_page(manifest)).encode())
    return page


def sampling_share(manifest: Manifest) -> float | None:
    """Which part of their time workers that sample were at it, from the first job's begin to the last one's end.

    Returns:
        In [0, 1]; None while nothing is done.
    """
    spans = [(row["began"], row["ended"], row["worker"]) for row in manifest.jobs(DONE) if row["ended"]]
    if not spans:
        return None
    whole = (max(s[1] for s in spans) - min(s[0] for s in spans)) * len({s[2] for s in spans})
    return sum(ended - began for began, ended, _ in spans) / whole if whole else None


def _page(manifest: Manifest) -> Iterator[str]:
    share = sampling_share(manifest)
    yield "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    yield f"<title>{escape(manifest.folder.name)}</title><style>{_STYLE}</style><h1>{escape(manifest.folder.name)}</h1>"
    yield f"<p>{escape(summary_line(manifest.counts(), None))}."
    yield f" Workers that sample were busy {share:.0%} of the time." if share is not None else ""
    failed = [escape(row["name"]) for row in manifest.jobs(FAILED)]
    listed = ", ".join(f"<a href='#{name}'>{name}</a>" for name in failed)
    yield f"</p><p class=failed>Failed: {listed}" if failed else ""
    yield "</p><table><tr><th>job<th>result<th>settings</tr>"
    for row in manifest.jobs():
        yield _row(manifest.folder, row)
    yield "</table></html>\n"


def _row(folder: Path, row: sqlite3.Row) -> str:
    name, state = escape(row["name"]), escape(row["state"])
    seconds = f"<br>{duration(row['ended'] - row['began'])}" if row["state"] == DONE and row["ended"] else ""
    error = f"<p class=failed>{escape(row['error'])}</p>" if row["error"] and row["state"] != DONE else ""
    cells = json.loads(row["cells"])
    seed = None if any(name.rpartition(".")[2] in SEEDS for name in cells) else row["seed"]
    settings = cells | {"seed": seed, "worker": row["worker"], "machine": row["machine"]}
    listed = "".join(f"<dt>{escape(k)}<dd>{escape(str(v))}" for k, v in settings.items() if v not in (None, ""))
    return (
        f"<tr id='{name}'><td><b>{name}</b><br><span class={state}>{state}</span>{seconds}"
        f"<td>{_results(folder, row)}{error}<td><dl>{listed}</dl></tr>"
    )


def _results(folder: Path, row: sqlite3.Row) -> str:
    parts = []
    for each in json.loads(row["outputs"] or "[]"):
        path = folder / OUTPUTS / row["name"] / each["name"]
        link = quote(path.relative_to(folder).as_posix())
        strip = _strip(folder, path, each["sha256"])
        picture = f"<img loading=lazy alt='' src='{escape(strip, quote=True)}'>" if strip else ""
        parts.append(f"<a href='{link}'>{picture}{escape(each['name'])}</a>")
    return "".join(parts)


def _strip(folder: Path, path: Path, digest: str) -> str:
    """The strip of a result, by its content; empty if it has no pictures."""
    name = f"{STRIPS}/{digest[:16]}.jpg"
    if not (folder / name).is_file():
        try:
            frames = list(_frames(path))
        except (av.FFmpegError, OSError, EOFError):
            return ""
        if not frames:
            return ""
        _beside(frames).save(strip := io.BytesIO(), "JPEG", quality=80)
        write_whole(folder / name, strip.getvalue())
    return name


def _frames(path: Path) -> Iterator[Image.Image]:
    """Some frames of a video or of a picture that moves, from first to last; the one of a picture that does not."""
    if path.suffix.lower() in PICTURES:
        with Image.open(path) as picture:
            for number in _chosen(getattr(picture, "n_frames", 1)):
                picture.seek(number)
                yield picture.convert("RGB")
        return
    with contextlib.ExitStack() as stack:
        film = stack.enter_context(av.open(str(path)))
        if not film.streams.video:
            return
        count = film.streams.video[0].frames
        if not count:
            count = sum(1 for _ in film.decode(video=0))
            film = stack.enter_context(av.open(str(path)))
        wanted = _chosen(count)
        yield from (frame.to_image() for number, frame in enumerate(film.decode(video=0)) if number in wanted)


def _chosen(count: int) -> list[int]:
    """Numbers of the frames that are shown, of so many."""
    return sorted({round(k * (count - 1) / (FRAMES - 1)) for k in range(FRAMES)})


def _beside(frames: list[Image.Image]) -> Image.Image:
    small = [frame.resize((max(round(frame.width * HEIGHT / frame.height), 1), HEIGHT)) for frame in frames]
    strip = Image.new("RGB", (sum(frame.width + GAP for frame in small) - GAP, HEIGHT), "white")
    left = 0
    for frame in small:
        strip.paste(frame, (left, 0))
        left += frame.width + GAP
    return strip
