"""Tables of a report as people are shown them, in Markdown and in HTML."""

from __future__ import annotations

from leaner_harness.experiments.report.document import Column, Report, Row, Section, Table
from leaner_harness.experiments.report.markdown import markdown
from leaner_harness.experiments.report.page import page

COLUMNS = (Column("arm"), Column("average"), Column("loss", ".2f"), Column("p", ".2g"))


def report(*rows: Row) -> Report:
    return Report("EXP", "?", [], [Section("Scores", [Table(COLUMNS, rows)])], [])


def test_a_column_in_which_no_row_says_anything_is_not_shown():
    found = report(Row(["random", "", 0.0, None], ["a"]), Row(["easy", "", 1.5, None], ["b"]))
    lines = [line for line in markdown(found).splitlines() if line.startswith("| ")]
    assert lines == [
        "| arm | loss | files |", "| random | 0.00 | [1] |", "| easy | 1.50 | [2] |"
    ]  # fmt: skip
    written = page(found)
    assert ">loss</th>" in written and ">average</th>" not in written and ">p</th>" not in written
    rows = found.record()["sections"][0]["blocks"][0]["rows"]
    assert rows[0] == {"arm": "random", "average": "", "loss": 0.0, "p": None, "files": ["a"]}


def test_a_column_stays_where_one_row_says_something():
    found = report(Row(["random", "", None, None], []), Row(["easy", "", None, 0.04], []))
    assert "| arm | p | files |" in markdown(found)


def test_a_table_without_rows_keeps_its_heads():
    assert "| arm | average | loss | p | files |" in markdown(report())
