"""Jobs run in a worker, report, stop with what they have, are cancelled, fail with a sentence, and wait their turn."""

import os
import time
from pathlib import Path

import job_functions
import pytest

from ddx7.web.event_log import EventLog
from ddx7.web.jobs import Jobs


@pytest.fixture
def jobs(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
    jobs = Jobs()
    yield jobs
    jobs.close()


def begin(jobs, function, *arguments, log=None):
    return jobs.submit(log or EventLog(), "test", "", function, *arguments, finish=lambda result: {"got": result})


def wait(job, *states, seconds=60):
    end = time.monotonic() + seconds
    while job.state not in states:
        assert time.monotonic() < end, job.to_dict()
        time.sleep(0.01)


def test_a_job_reports_and_is_done(jobs):
    log = EventLog()
    job = begin(jobs, job_functions.count, 5, log=log)
    wait(job, "done")
    assert job.result == {"got": 5}
    assert job.progress == {"k": 4}
    [event] = log.after(0)  # whoever comes back gets the newest state alone
    assert event.data["job"]["state"] in ("running", "done")


def test_jobs_wait_for_each_other_and_the_process_stays(jobs):
    first, second = begin(jobs, job_functions.count, 3), begin(jobs, job_functions.count, 4)
    wait(second, "done")
    assert first.state == "done"
    assert (first.result, second.result) == ({"got": 3}, {"got": 4})


def test_a_stopped_job_keeps_what_it_has_and_the_next_one_runs(jobs):
    job = begin(jobs, job_functions.count_until_stopped)
    while not job.progress:
        time.sleep(0.01)
    jobs.stop(job)
    wait(job, "done")
    assert job.result["got"] >= 1
    after = begin(jobs, job_functions.count, 2)
    wait(after, "done")


def test_a_cancelled_job_gives_no_result(jobs):
    job = begin(jobs, job_functions.count_until_stopped)
    waiting = begin(jobs, job_functions.count, 1)
    while not job.progress:
        time.sleep(0.01)
    jobs.cancel(waiting)
    assert waiting.state == "stopped"
    jobs.cancel(job)
    wait(job, "stopped")
    assert job.result is None


def test_a_job_that_does_not_listen_is_ended(jobs, monkeypatch):
    monkeypatch.setattr("ddx7.web.jobs._GRACE_S", 0.1)
    job = begin(jobs, job_functions.ignore_everything)
    while not job.progress:
        time.sleep(0.01)
    jobs.cancel(job)
    wait(job, "stopped")
    after = begin(jobs, job_functions.count, 2)  # in a new process
    wait(after, "done")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("sentence", "horn.wav: found a drum, wanted a horn"),
        ("exit", "the process that did this work ended"),
        ("bug", "ZeroDivisionError"),
    ],
)
def test_a_failure_is_one_sentence_and_the_queue_goes_on(jobs, how, words):
    job = begin(jobs, job_functions.fail, how)
    wait(job, "failed")
    assert words in job.error
    assert "\n" not in job.error
    after = begin(jobs, job_functions.count, 1)
    wait(after, "done")


def test_closing_ends_everything_at_once(jobs):
    job = begin(jobs, job_functions.ignore_everything)
    while not job.progress:
        time.sleep(0.01)
    before = time.monotonic()
    jobs.close()
    wait(job, "stopped")
    assert time.monotonic() - before < 5
