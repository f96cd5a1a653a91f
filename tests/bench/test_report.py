"""The result files of the benchmarks have all figures, and dropped audio is counted."""

from __future__ import annotations

import io

from rich.console import Console

from bench.files.beside import Turn, figures
from bench.report import Measured, machine, table
from schema.meetings.wire import CoverageTotals

MEASURED = Measured(
    n=2,
    committed_ms=[[1000.0, 2000.0], [3000.0]],
    partial_ms=[500.0],
    ack_ms=[4.0, 8.0],
    coverage=[CoverageTotals(transcribed_s=8, silent_s=1), CoverageTotals(transcribed_s=9.5, failed_s=0.5)],
    sent_s=20.0,
    cpu_s=5.0,
    client_cpu_s=1.0,
    peak_rss_bytes=2_000_000_000,
    reconnects=0,
    wer_paced=0.05,
    wer_offline=0.04,
)


def test_figures_have_the_documented_names_and_units() -> None:
    figures = MEASURED.figures()
    promised = {"n", "committed_ms", "partial_ms", "wer_paced", "wer_offline", "coverage", "dropped"}
    assert promised | {"cpu_s_per_audio_s", "peak_rss_mb", "append_ack_ms", "repeats"} <= set(figures)
    assert figures["committed_ms"] == {"p50": 2000.0, "p95": 3000.0, "p99": 3000.0}
    assert figures["committed_p95_ms_each"] == [2000.0, 3000.0]
    assert figures["cpu_s_per_audio_s"] == 0.25
    assert figures["peak_rss_mb"] == 2000


def test_sent_audio_without_coverage_counts_as_dropped() -> None:
    assert MEASURED.figures()["dropped"] == 1.0


def test_the_table_fits_a_terminal_of_100_columns() -> None:
    out = io.StringIO()
    Console(file=out, width=100).print(table({"model": "tiny", "runs": [MEASURED.figures()]}))
    assert "2.00 3.00 3.00" in out.getvalue()
    assert "5.0 / 4.0 %" in out.getvalue()


def test_the_machine_is_described() -> None:
    named = machine()
    assert named["cpu"]
    assert named["cores"] >= 1
    assert named["memory_gb"] > 0


TURNS = [Turn(0, 30, None), Turn(30, 60, 90.0), Turn(60, 90, None)]


def test_words_count_for_the_period_in_which_they_were_sent() -> None:
    found = figures(TURNS, [(10.0, 1000.0), (40.0, 1100.0), (50.0, 1150.0), (70.0, 1000.0)])
    assert found["turns"] == [2, 1]
    assert found["words"] == [2, 2]
    assert found["committed_ms_beside_a_file"] == {"p50": 1150.0, "p95": 1150.0, "p99": 1150.0}
    assert found["p95_change"] == 0.15
    assert found["file_times_real_time"] == 3.0


def test_words_at_the_edges_of_a_period_are_not_counted() -> None:
    found = figures(TURNS, [(10.0, 1.0), (29.0, 9.0), (31.0, 9.0), (40.0, 1.0), (59.0, 9.0), (61.0, 9.0), (95.0, 9.0)])
    assert found["words"] == [1, 1]
    assert found["p95_change"] == 0
