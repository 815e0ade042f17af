"""The parity table: a column for each host, text around it kept."""

from harness.structure.parity_table import update


def test_each_host_writes_its_own_column_and_a_part_of_the_cases_leaves_the_rest(tmp_path):
    path = tmp_path / "table.md"
    path.write_text("# Title\n\nText.\n\n")
    update(path, "new", {"a": 0.0, "b": 4.83e-6})
    update(path, "old", {"b": 0.0, "c": 0.5})
    update(path, "new", {"a": 1.0})
    assert path.read_text() == (
        "# Title\n\nText.\n\n"
        "| case | new | old |\n| --- | --: | --: |\n| a | 1 | - |\n| b | 4.8e-06 | 0 |\n| c | - | 0.5 |\n"
    )


def test_the_order_of_cases_and_hosts_is_that_of_their_first_writing(tmp_path):
    path = tmp_path / "table.md"
    path.write_text("")
    for host in ("z", "a"):
        update(path, host, {"second": 0.0, "first": 0.0})
    assert path.read_text().splitlines()[0] == "| case | z | a |"
    assert [line.split(" | ")[0] for line in path.read_text().splitlines()[2:]] == ["| second", "| first"]
