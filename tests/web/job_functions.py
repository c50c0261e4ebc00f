"""Functions that the tests run in a worker process."""

import os
import time

from ddx7.errors import Ddx7Error


def count(report, n):
    for k in range(n):
        report({"k": k})
        time.sleep(0.01)
    return n


def count_until_stopped(report):
    k = 0
    try:
        while True:
            report({"k": k})
            k += 1
            time.sleep(0.01)
    except KeyboardInterrupt:
        return k


def ignore_everything(report):
    report({"k": 0})
    time.sleep(600)


def fail(report, how):
    if how == "sentence":
        raise Ddx7Error("horn.wav: found a drum, wanted a horn")
    if how == "exit":
        os._exit(3)
    print("noise on stdout must not end up between the messages")  # noqa: T201
    return 1 / 0
