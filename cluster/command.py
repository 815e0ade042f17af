"""The command: files, arguments, and what is said."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path

import ray
from ray.exceptions import RayError
from rich.console import Console
from rich.markup import escape

from .batch import DONE, FAILED, RUNNING, Catalog, Files, Job, Manifest, Planner, Row, Store, read_table, read_workflow
from .comfy import ComfyProcess
from .driver import Driver
from .errors import BatchError, HostDiedError
from .faults import full_disk_told
from .live import LiveView, summary_line
from .pool import PATIENCE, PREPARE, SAMPLE, Pool, connect, resources_of, threads, what_is_wrong
from .report import sampling_share, write_report
from .settings import BASE, COMFYUI, PYTHON, Settings

SHOWN = 50  # findings


def run_command(arguments: list[str], console: Console | None = None) -> int:
    """Do one thing with a batch.

    Args:
        arguments: The command line.
        console: Where it is said; the standard output if None.

    Returns:
        The exit status: 1 if something is wrong or a job failed, 130 if it was interrupted.
    """
    options = _parser().parse_args(arguments)
    console = console or Console()
    try:
        with full_disk_told(_folder(options)):
            return options.act(options, console)
    except BatchError as error:
        Console(stderr=True).print(f"error: {escape(str(error))}", highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("Interrupted. The same command goes on where it stopped.")
        return 130


def check(options: argparse.Namespace, console: Console) -> int:
    """Validate a table against a ComfyUI, without a job."""
    rows = _read(options)
    with tempfile.TemporaryDirectory(prefix="wan_vace_check_") as folder:
        settings = _settings(options, Path(folder))
        catalog = Catalog(asyncio.run(_object_info(settings, Path(folder))))
        planner = Planner(options.workflow, catalog, _files(options, settings, None))
        jobs = planner.plan(rows)
    if _tell_findings(planner, console):
        return 1
    prepared = {job.prepare_key for job in jobs if job.prepare_key}
    console.print(f"{len(jobs)} jobs can run, with {len(prepared)} preparations.")
    return 0


def run(options: argparse.Namespace, console: Console) -> int:
    """Make every video of a table, or go on."""
    rows, folder = _read(options), _folder(options)
    manifest = Manifest(folder)
    with manifest.alone():
        manifest.keep_journal(one_machine=not (options.address and options.shared))
        settings = _settings(options, folder)
        connect(options.address, dashboard=options.dashboard, store_mib=options.store_mib)
        try:
            return _run(options, console, manifest, settings, rows)
        finally:
            ray.shutdown()
            manifest.close()


def _run(
    options: argparse.Namespace,
    console: Console,
    manifest: Manifest,
    settings: Settings,
    rows: list[Row],
) -> int:
    pool = Pool(settings)
    kinds = {kind: (count, needs) for kind, count, needs in resources_of(options.workers, options.prepare)}
    pool.add(SAMPLE, *kinds[SAMPLE])
    catalog = _first_catalog(pool, console)
    planner = Planner(
        options.workflow,
        catalog,
        _files(options, settings, Store(manifest.folder / "files")),
        divide=kinds[PREPARE][0] > 0,
    )
    jobs = planner.plan(rows)
    if _tell_findings(planner, console):
        return 1
    _tell_sync(manifest.sync(jobs), console)
    if any(job.cut.prepare for job in jobs):
        pool.add(PREPARE, *kinds[PREPARE])
    with LiveView(console) as view:
        Driver(manifest, pool, settings, view, retries=options.retries, first_pause=options.pause).run()
    if not settings.shared and not manifest.counts()[FAILED]:  # a long video that failed goes on there
        pool.clear()
    return _finish(manifest, jobs, console)


def _first_catalog(pool: Pool, console: Console) -> Catalog:
    """What the first worker that is up says of its nodes."""
    while starting := pool.starting():
        up, _ = ray.wait(list(starting), num_returns=1, timeout=PATIENCE)
        sentence = pool.hear_start(starting[up[0]]) if up else pool.nobody()
        if up and not sentence:
            try:
                return Catalog(ray.get(starting[up[0]].actor.object_info.remote()))
            except RayError as error:  # it has died since
                sentence = pool.refuse(starting[up[0]], what_is_wrong(error))
        console.print(escape(sentence), highlight=False, soft_wrap=True)
    raise BatchError("No worker could start its ComfyUI; the lines above say why.")


def _finish(manifest: Manifest, jobs: list[Job], console: Console) -> int:
    page, counts, share = write_report(manifest), manifest.counts(), sampling_share(manifest)
    console.print(summary_line(counts, None) + ".")
    if share is not None and any(job.cut.prepare for job in jobs):
        console.print(f"Workers that sample were busy {share:.0%} of the time.")
    console.print(f"Report: {page}", highlight=False, soft_wrap=True)
    return 0 if counts[DONE] == sum(counts.values()) else 1


def status(options: argparse.Namespace, console: Console) -> int:
    """Say how far a batch is, and write its report."""
    manifest = Manifest.there(options.folder)
    console.print(summary_line(manifest.counts(), None) + ".")
    for row in manifest.jobs(RUNNING, FAILED):
        told = f"on {row['worker']}" if row["state"] == RUNNING else row["error"]
        console.print(escape(f"{row['name']}: {row['state']}, {told}"), highlight=False, soft_wrap=True)
    console.print(f"Report: {write_report(manifest)}", highlight=False, soft_wrap=True)
    return 0


def retry(options: argparse.Namespace, console: Console) -> int:
    """Let failed jobs wait again."""
    changed = Manifest.there(options.folder).retry(options.job)
    console.print(f"{changed} jobs wait again. `run` makes them; one that is running takes them up.")
    return 0 if changed else 1


def cancel(options: argparse.Namespace, console: Console) -> int:
    """Cancel jobs that are not over."""
    changed = Manifest.there(options.folder).cancel(options.job)
    console.print(f"{changed} jobs are cancelled. `retry` takes that back.")
    return 0 if changed else 1


def _folder(options: argparse.Namespace) -> Path:
    """What a verb writes to."""
    if options.act is check:
        return Path(tempfile.gettempdir())
    if options.act is run:
        return (options.to or options.table.parent / f"{options.table.stem}_batch").resolve()
    return options.folder


def _read(options: argparse.Namespace) -> list[Row]:
    """The table; what is wrong with the files themselves is said before anything starts."""
    read_workflow(options.workflow)
    return read_table(options.table)


def _settings(options: argparse.Namespace, folder: Path) -> Settings:
    comfyui = options.comfyui or os.environ.get(COMFYUI)
    if not comfyui:
        raise BatchError(f"Where is ComfyUI? Name its folder with --comfyui, or set {COMFYUI}.")
    comfyui = Path(comfyui).resolve()
    beside = [comfyui / name / "bin" / "python" for name in (".venv", "venv")]
    found = next((path for path in beside if path.is_file()), Path(sys.executable))
    settings = Settings(
        comfyui=str(comfyui),
        python=options.python or os.environ.get(PYTHON) or str(found),
        base=str(Path(options.base or os.environ.get(BASE) or comfyui).resolve()),
        flags=tuple(options.flags.split()),
        batch=str(folder),
        shared=options.shared or not getattr(options, "address", None),
        limit=options.limit,
        threads=threads(),
        leash=Path(__file__).with_name("leash.py").read_text("utf-8"),
    )
    if settings.shared:
        settings.here()
    return settings


def _files(options: argparse.Namespace, settings: Settings, store: Store | None) -> Files:
    return Files((options.table.parent, options.workflow.parent, Path(settings.base) / "input"), store)


async def _object_info(settings: Settings, folder: Path) -> dict:
    comfy = ComfyProcess(settings, folder, on_cpu=True)
    try:
        return await (await comfy.ensure()).get("/object_info")
    except HostDiedError as error:
        raise BatchError(str(error)) from None
    finally:
        await comfy.stop()


def _tell_findings(planner: Planner, console: Console) -> bool:
    findings = sorted(planner.findings, key=lambda each: each.row or 0)
    for each in findings[:SHOWN]:
        console.print(escape(str(each)), highlight=False, soft_wrap=True)
    if len(findings) > SHOWN:
        console.print(f"and {len(findings) - SHOWN} more.")
    if findings:
        console.print(f"{len(findings)} things are to be put right in the table; nothing was run.")
    return bool(findings)


def _tell_sync(told: dict[str, int], console: Console) -> None:
    sentences = {
        "kept": "{} jobs are done already.",
        "changed": "{} jobs are not as they were and are made anew.",
        "gone": "{} jobs are no longer in the table; their results stay.",
    }
    for what, sentence in sentences.items():
        if told[what]:
            console.print(sentence.format(told[what]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cluster", description="A workflow and a table of shots in, every video out.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for act in (check, run):
        verb = verbs.add_parser(act.__name__, help=act.__doc__, description=act.__doc__)
        verb.set_defaults(act=act)
        verb.add_argument("workflow", type=Path, help="a workflow in API format")
        verb.add_argument("table", type=Path, help=".csv, .jsonl or .parquet; columns are title.input or id.input")
        _add_host(verb)
        if act is run:
            _add_run(verb)
    for act in (status, retry, cancel):
        verb = verbs.add_parser(act.__name__, help=act.__doc__, description=act.__doc__)
        verb.set_defaults(act=act)
        verb.add_argument("folder", type=Path, help="of the batch")
        if act is not status:
            verb.add_argument("--job", action="append", default=[], help="only this one; may be given more than once")
    return parser


def _add_host(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--comfyui", help=f"folder with ComfyUI's main.py; else {COMFYUI}")
    verb.add_argument("--python", help=f"its Python; else {PYTHON}, or the one in its .venv")
    verb.add_argument("--base", help=f"its base directory with models and custom_nodes; else {BASE}, or its own folder")
    verb.add_argument("--flags", default="", help='more of its command line, in one text: "--cpu"')
    verb.add_argument("--limit", type=float, default=7200, help="seconds that a part of a job may take (7200)")
    verb.add_argument("--shared", action="store_true", help="all machines see the batch's folder under the same name")


def _add_run(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--to", type=Path, help="the batch's folder; else beside the table")
    verb.add_argument("--address", help="of a Ray cluster: auto, host:port or ray://host:port; else this machine alone")
    verb.add_argument("--workers", type=int, help="how many sample; one for each GPU if left out")
    verb.add_argument(
        "--prepare", type=int, help="how many prepare, on CPUs; one for each machine, 0 does not divide jobs"
    )
    verb.add_argument("--retries", type=int, default=3, help="after a fault of a machine (3)")
    verb.add_argument("--pause", type=float, default=5, help="seconds before the first retry, then twice as many (5)")
    verb.add_argument("--dashboard", action="store_true", help="Ray's, on loopback")
    verb.add_argument("--store-mib", type=int, default=512, help="Ray's object store on this machine, in MiB (512)")
