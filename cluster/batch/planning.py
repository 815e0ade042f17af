"""A job of every row, and a finding of everything in the table that cannot be run."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import BatchError
from .catalog import Catalog
from .cells import CellError, read_cell
from .cut import MODELS, Cut, cut
from .store import Files
from .table import JOB, WORKFLOW, Row
from .workflow import Prompt, copy_of, read_workflow, title_of

NAME = re.compile(r"[\w][\w.-]{0,99}", re.ASCII)
SEEDS = ("seed", "noise_seed")
RUN = "run"  # of a long video: the folder that it goes on in


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        row: Number of the row; None for the whole table.
        column: Its heading; None for the whole row.
        sentence: What was found, what it must be, what to do.
    """

    row: int | None
    column: str | None
    sentence: str

    def __str__(self) -> str:
        place = [f"row {self.row}"] if self.row is not None else []
        place += [f"column {self.column}"] if self.column is not None else []
        return f"{', '.join(place) or 'table'}: {self.sentence}"


@dataclass(frozen=True)
class Job:
    """A row, ready to run.

    Attributes:
        name: Of the folder of its results.
        row: Its number in the table.
        cells: What the table said.
        fingerprint: A text that is another one when anything that decides about the result is.
        cut: Its two prompts, whose files are named by their content.
        prepare_files: The names of those that preparing reads.
        sample_files: The names of those that sampling reads.
        models: The same for all jobs that load the same models.
        seed: The first seed in the sampling part, as text; empty if it has none.
        run: The folder of a long video in ``vace_runs``; empty for other jobs.
    """

    name: str
    row: int
    cells: dict[str, object]
    fingerprint: str
    cut: Cut
    prepare_files: tuple[str, ...]
    sample_files: tuple[str, ...]
    models: str
    seed: str
    run: str = ""

    @property
    def prepare_key(self) -> str | None:
        """The same for all jobs with the same preparation, which is then made once."""
        return None if self.cut.prepare is None else json_hash(self.cut.prepare)


def json_hash(value: object) -> str:
    """A hash of what JSON can hold."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@dataclass
class Template:
    """A workflow, and what the headings of the table mean in it.

    Attributes:
        nodes: It.
        columns: For a heading the node and the input; None for one that means nothing here.
    """

    nodes: Prompt
    columns: dict[str, tuple[str, str] | None] = field(default_factory=dict)


class Planner:
    """Makes jobs of rows, and collects findings.

    Attributes:
        findings: What is wrong so far.
    """

    def __init__(self, workflow: Path, catalog: Catalog, files: Files, *, divide: bool = True) -> None:
        """Look at the workflow.

        Args:
            workflow: The file of the one that rows take that name no other.
            catalog: What the host says of its nodes.
            files: Where files are looked for.
            divide: Whether jobs are cut at their VCU wires.

        Raises:
            BatchError: If it is none, the host lacks one of its nodes, or nothing in it writes a file.
        """
        self._catalog, self._files, self._divide = catalog, files, divide
        self.findings: list[Finding] = []
        self._usual = workflow
        self._templates = {workflow: self._template(workflow)}

    def plan(self, rows: list[Row]) -> list[Job]:
        """The jobs of a table; `findings` says what could not become one."""
        jobs, taken, runs = [], {}, {}
        for row in rows:
            before = len(self.findings)
            name = self._name(row, taken)
            template = self._template_of(row)
            prompt = template and self._fill(row, template)
            if len(self.findings) == before:
                jobs.append(self._job(row, name, prompt))
                self._keep_apart(row, prompt, runs)
        return jobs

    def _keep_apart(self, row: Row, prompt: Prompt, runs: dict[str, int]) -> None:
        """No two long videos go on in one folder, be they of one row or of two."""
        own: set[str] = set()
        for run in filter(None, (_text(node["inputs"][RUN]) for node in prompt.values() if _is_long(node))):
            first = runs.setdefault(run.casefold(), row.number)
            if first != row.number or run.casefold() in own:
                whose = "named twice here" if first == row.number else f"that of row {first} already"
                self._find(row, None, f'The run "{run}" is {whose}. Leave it empty: each job gets its own.')
            own.add(run.casefold())

    def _template(self, path: Path) -> Template:
        nodes = read_workflow(path)
        kinds = {node["class_type"] for node in nodes.values()}
        missing = sorted(kind for kind in kinds if not self._catalog.knows(kind))
        if missing:
            raise BatchError(
                f"ComfyUI has no node {', '.join(missing)}. Install the pack that brings it in custom_nodes, on every "
                f"machine."
            )
        if not any(map(self._catalog.is_end, kinds)):
            raise BatchError(f"Nothing in {path.name} saves a result. Add Save Video.")
        return Template(nodes)

    def _template_of(self, row: Row) -> Template | None:
        """The workflow of a row: the usual one, or what its cell names, beside the table."""
        named = row.cells.get(WORKFLOW)
        path = self._files.folders[0] / str(named) if named is not None else self._usual
        try:
            if path not in self._templates:
                self._templates[path] = self._template(path)
            return self._templates[path]
        except BatchError as error:
            self._find(row, WORKFLOW, str(error))
            return None

    def _column(self, template: Template, name: str) -> tuple[str, str] | None:
        """The node and the input that a heading names; the longest title that fits goes first."""
        if name not in template.columns:
            template.columns[name] = self._find_column(template.nodes, name)
        return template.columns[name]

    def _find_column(self, nodes: Prompt, name: str) -> tuple[str, str] | None:
        titles = {node_id: title_of(nodes, node_id) for node_id in nodes}
        for place in reversed([place for place, letter in enumerate(name) if letter == "."]):
            title, socket = name[:place], name[place + 1 :]
            found = [title] if title in nodes else [node_id for node_id in nodes if titles[node_id] == title]
            if len(found) > 1:
                self._find(None, name, f'{len(found)} nodes are called "{title}". Use an id: {", ".join(found)}.')
                return None
            if found:
                return found[0], socket
        known = ", ".join(sorted(set(titles.values())))
        self._find(None, name, f"There is no such node. Write title.input or id.input; titles are: {known}.")
        return None

    def _name(self, row: Row, taken: dict[str, int]) -> str:
        name = str(row.cells.get(JOB, f"row_{row.number:04}"))
        if not NAME.fullmatch(name):
            self._find(row, JOB, f'"{name}" is to name a folder. Use letters, digits, _ . and -, 100 at most.')
        first = taken.setdefault(name.casefold(), row.number)
        if first != row.number:
            self._find(row, JOB, f'"{name}" is the name of row {first} already. Give each job a name of its own.')
        return name

    def _fill(self, row: Row, template: Template) -> Prompt:
        """The workflow with the cells of a row in it; what chooses inputs is filled in before these."""
        prompt = copy_of(template.nodes)
        for column in sorted(row.cells.keys() - {JOB, WORKFLOW}, key=lambda name: name.count(".")):
            place = self._column(template, column)
            if place is not None:
                self._fill_cell(row, column, prompt[place[0]], place[1])
        for node in prompt.values():
            self._name_files(row, node)
        return prompt

    def _fill_cell(self, row: Row, column: str, node: dict, name: str) -> None:
        sockets = self._catalog.sockets(node["class_type"], node["inputs"])
        socket = sockets.get(name)
        if socket is None or not socket.holds_value:
            usable = ", ".join(each.name for each in sockets.values() if each.holds_value)
            what = "takes a wire, not a value" if socket else "is no input of this node"
            self._find(row, column, f"{name} {what}. It has: {usable}.")
            return
        try:
            node["inputs"][name] = row.cells[column] if socket.is_file else read_cell(socket, row.cells[column])
        except CellError as error:
            self._find(row, column, str(error))
            return
        if socket.is_file and self._files.name(str(row.cells[column])) is None:
            where = ", ".join(str(folder) for folder in self._files.folders)
            self._find(row, column, f"There is no file {row.cells[column]} in {where}.")

    def _name_files(self, row: Row, node: dict) -> None:
        """Name the files of a node by their content, those that the workflow itself names too."""
        for socket in self._catalog.sockets(node["class_type"], node["inputs"]).values():
            value = node["inputs"].get(socket.name)
            if not socket.is_file or not isinstance(value, str):
                continue
            name = self._files.name(value)
            if name is not None:
                node["inputs"][socket.name] = name
            elif not any(f.row == row.number for f in self.findings):
                self._find(row, None, f"The workflow loads {value}, which is not there. Put it beside the table.")

    def _job(self, row: Row, name: str, prompt: Prompt) -> Job:
        run = self._name_run(name, prompt)
        parts = cut(prompt, self._catalog) if self._divide else Cut(None, prompt)
        return Job(
            name=name,
            row=row.number,
            cells={key: value for key, value in row.cells.items() if key != JOB},
            fingerprint=json_hash(prompt),
            cut=parts,
            prepare_files=self._files_of(parts.prepare),
            sample_files=self._files_of(parts.sample),
            models=json_hash(self._loaders(parts.sample))[:16],
            seed=next((str(n["inputs"][s]) for n in parts.sample.values() for s in SEEDS if s in n["inputs"]), ""),
            run=run,
        )

    def _name_run(self, name: str, prompt: Prompt) -> str:
        """Give a long video without a folder one of its own, so that it goes on there on any machine."""
        own, first = f"{name}_{json_hash(prompt)[:8]}", ""
        for node_id, node in prompt.items():
            if _is_long(node):
                if not node["inputs"].get(RUN):
                    node["inputs"][RUN] = f"{own}_{node_id}" if first else own
                first = first or _text(node["inputs"][RUN])
        return first

    def _files_of(self, prompt: Prompt | None) -> tuple[str, ...]:
        found: set[str] = set()
        for node in (prompt or {}).values():
            sockets = self._catalog.sockets(node["class_type"], node["inputs"]).values()
            named = [node["inputs"].get(socket.name) for socket in sockets if socket.is_file]
            found |= {value for value in named if isinstance(value, str) and "/" in value}
        return tuple(sorted(found))

    def _loaders(self, prompt: Prompt) -> list:
        """What loads models: nodes that give one and take no wire."""
        return [
            [node["class_type"], node["inputs"]]
            for _, node in sorted(prompt.items())
            if set(self._catalog.output_types(node["class_type"])) & set(MODELS[:3])
            and not any(isinstance(value, list) for value in node["inputs"].values())
        ]

    def _find(self, row: Row | None, column: str | None, sentence: str) -> None:
        self.findings.append(Finding(row and row.number, column, sentence))


def _is_long(node: dict) -> bool:
    return node["class_type"] == "VaceSampleLongVideo"


def _text(value: object) -> str:
    """A value that is text; of a wire only a node knows what it says."""
    return value if isinstance(value, str) else ""
