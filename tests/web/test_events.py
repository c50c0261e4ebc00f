"""The stream of events: new ones as they happen, and those that a reader missed."""

import json

from ddx7.web.event_log import EventLog


def read(client, session, after, count):
    """The next events of a session, as (number, data)."""
    found = []
    with client.stream("GET", f"{session}/events", headers={"Last-Event-ID": after}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        number = None
        for line in answer.iter_lines():
            if line.startswith("id: "):
                number = int(line[4:])
            if line.startswith("data: "):
                found.append((number, json.loads(line[6:])))
                if len(found) == count:
                    return found
    return found


def test_a_reader_gets_what_it_missed_and_what_comes(client, session, server):
    log = server.services.sessions.find(session.rsplit("/", 1)[1]).log
    for k in range(3):
        log.append({"k": k})
    assert read(client, session, "0", 3) == [(1, {"k": 0}), (2, {"k": 1}), (3, {"k": 2})]
    assert read(client, session, "2", 1) == [(3, {"k": 2})]


def test_a_number_of_another_run_or_nonsense_begins_at_the_start(client, session, server):
    log = server.services.sessions.find(session.rsplit("/", 1)[1]).log
    log.append({"k": 0})
    for after in ("999", "-1", "x", "9" * 40):
        assert read(client, session, after, 1) == [(1, {"k": 0})]


def test_an_event_replaces_the_older_one_of_its_name():
    log = EventLog()
    for k in range(5000):
        log.append({"k": k}, replaces="a")
        log.append({"n": k}, replaces="b")
    assert [event.data for event in log.after(0)] == [{"k": 4999}, {"n": 4999}]
