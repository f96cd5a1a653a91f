"""The notes that the processes of a worker share."""

from __future__ import annotations

import logging
import multiprocessing

from schema.fleet.wire import ModelInUse
from workers.fleet.board import MAIN, MEETINGS_LIMIT, PLACE_BYTES, Board, Noter, ProcessNote


def test_a_note_of_another_process_can_be_read() -> None:
    board = Board(2)

    def write() -> None:
        board.write(1, ProcessNote(pid=3, task="minutebook.summarize", meetings=["a"]))

    child = multiprocessing.get_context("fork").Process(target=write)
    child.start()
    child.join()
    assert board.read(0) is None
    assert board.read(1) == ProcessNote(pid=3, task="minutebook.summarize", meetings=["a"])


def test_a_torn_note_is_not_read_and_one_that_is_too_long_is_not_written() -> None:
    board = Board(1)
    board.write(0, ProcessNote(pid=1))
    board.write(0, ProcessNote(pid=2, meetings=["x" * PLACE_BYTES]))
    board.write(1, ProcessNote(pid=3))  # no such place
    assert board.read(0) == ProcessNote(pid=1)
    board._memory[PLACE_BYTES + 9] ^= 1
    assert board.read(0) is None


def test_a_process_notes_its_work_its_models_and_its_last_error() -> None:
    board = Board(1)
    noter = Noter(board)
    noter.begin_process()
    noter.set_ready(lambda: [ModelInUse(model="small", adapters=["a@1"])])
    noter.begin_work("minutebook.transcribe", (f"m{number}" for number in range(MEETINGS_LIMIT + 1)))
    log = logging.getLogger("test_board")
    log.addHandler(noter)
    try:
        log.warning("slow")
        log.error("track %s failed\nwith details", "t1")
    finally:
        log.removeHandler(noter)
    found = board.read(MAIN)
    assert found is not None
    assert (found.task, len(found.meetings), found.ready) == ("minutebook.transcribe", MEETINGS_LIMIT, True)
    assert found.models == [{"model": "small", "precision": None, "device": None, "adapters": ["a@1"]}]
    assert found.error is not None
    assert found.error["text"] == "track t1 failed"
    noter.end_work()
    after = board.read(MAIN)
    assert after is not None
    assert (after.task, after.meetings, after.error) == (None, [], found.error)
    later = Noter(board)
    later.begin_process()  # the process that replaces one that died shows why it died
    replaced = board.read(MAIN)
    assert replaced is not None
    assert (replaced.error, replaced.ready) == (found.error, False)
