"""`ddx7 ui` as a command: the address comes first, Ctrl-C ends everything, and wrong usage gets a sentence."""

import os
import re
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from ddx7.cli import main


def workers_of(pid):
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in found.stdout.split()]


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT as a terminal does")
def test_the_address_is_the_first_line_and_ctrl_c_ends_everything(tmp_path):
    command = [sys.executable, "-m", "ddx7", "ui", "--port", "0", "--no-browser", "--folder", "out"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        address = process.stdout.readline().strip()
        found = re.fullmatch(r"(http://127\.0\.0\.1:\d+)/\?token=([\w-]{43,})", address)
        assert found
        url, token = found.groups()
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:
            session = client.post("/api/sessions").json()["id"]
            # An open page holds its stream of events open.
            with client.stream("GET", f"/api/sessions/{session}/events"):
                assert client.get("/api/health").json()["folder"] == str(tmp_path / "out")
                workers = workers_of(process.pid)
                before = time.monotonic()
                process.send_signal(signal.SIGINT)
                assert process.wait(30) == 0
                assert time.monotonic() - before < 10
        end = time.monotonic() + 30
        while any(map(alive, workers)):
            assert time.monotonic() < end
            time.sleep(0.05)
        assert "Traceback" not in process.stderr.read()


def test_a_taken_port_and_a_file_for_a_folder_get_a_sentence(tmp_path, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["ui", "--port", str(port), "--no-browser", "--folder", str(tmp_path)]) == 1
    assert f"port {port}: cannot be used" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert main(["ui", "--no-browser", "--folder", str(tmp_path / "file" / "out")]) == 1
    assert "wanted a folder" in capsys.readouterr().err
    assert main(["ui", "--port", "70000", "--no-browser"]) == 2
