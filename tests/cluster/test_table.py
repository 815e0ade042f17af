"""Tables: the three kinds of file, and what is wrong with one."""

import json

import pyarrow
import pytest
from pyarrow import parquet

from wan_vace.cluster.batch.table import read_table
from wan_vace.cluster.errors import BatchError

ROWS = [{"job": "a", "n.seed": "1"}, {"job": "b", "n.seed": "2"}]


def write(folder, text, name="shots.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_the_three_kinds_of_file_give_the_same_rows(tmp_path):
    kinds = [
        write(tmp_path, "﻿job,n.seed,n.prompt\na,1,\nb,2,\n"),
        write(tmp_path, "\n".join(json.dumps(row | {"n.prompt": None}) for row in ROWS), "shots.jsonl"),
        tmp_path / "shots.parquet",
    ]
    parquet.write_table(pyarrow.Table.from_pylist(ROWS), kinds[2])
    assert [[row.cells for row in read_table(path)] for path in kinds] == [ROWS] * 3
    assert [row.number for row in read_table(kinds[0])] == [2, 3]


def test_a_row_with_line_breaks_counts_once_as_in_a_spreadsheet(tmp_path):
    rows = read_table(write(tmp_path, 'job,p\na,"one\ntwo, three"\nb,four\n'))
    assert [(row.number, row.cells["p"]) for row in rows] == [(2, "one\ntwo, three"), (3, "four")]
    with pytest.raises(BatchError, match=r"Row 3 of .* has 2 cells"):
        read_table(write(tmp_path, 'p\n"one\ntwo"\nred, blue\n'))


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("shots.csv", "", "has no rows"),
        ("shots.csv", "job,a.b\n,\n", "has no rows"),
        ("shots.csv", "a.b,a.b\n1,2\n", "two columns 'a.b'"),
        ("shots.csv", "a.b\nred, blue\n", "Row 2 of .* has 2 cells, the heading has 1"),
        ("shots.csv", b"a.b\n\xff\xfe\n", "cannot be read"),
        ("shots.jsonl", '{"a.b": 1}\n[2]\n', "Line 2 of .* is no object"),
        ("shots.jsonl", '{"a.b": 1}\n{', "Line 2 of .* is no JSON"),
        ("shots.parquet", "no parquet", "cannot be read"),
        ("shots.xlsx", "x", "is no .csv, .jsonl or .parquet"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(tmp_path, name, text, sentence):
    with pytest.raises(BatchError, match=sentence):
        read_table(write(tmp_path, text, name))


def test_a_table_that_is_not_there_is_said(tmp_path):
    with pytest.raises(BatchError, match="There is no table"):
        read_table(tmp_path / "shots.csv")
