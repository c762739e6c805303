"""Server processes under test."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import psutil

BIN = Path(sys.executable).parent
LISTENING = r"Listening on (\S+) \(DDP at (\S+)\)"


class Running:
    """A command in a process group of its own, its output gathered as it comes."""

    def __init__(self, command, cwd, environ):
        self.process = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.output = ""
        self._news = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self._news:
                self.output += line
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def find(self, pattern, after=0, seconds=60):
        """Wait for a match in the output (from the character `after` on)."""
        with self._news:
            self._news.wait_for(
                lambda: self._ended or re.search(pattern, self.output[after:]), seconds
            )
            found = re.search(pattern, self.output[after:])
        assert found, f"no {pattern!r} in the output:\n{self.output}"
        return found

    def wait_listening(self, after=0):
        """(HTTP URL, WebSocket URL) of the first address."""
        return self.find(LISTENING, after).groups()

    def end(self, sig=signal.SIGTERM, *, group=False):
        """Send a signal and return the exit code."""
        if group:
            os.killpg(self.process.pid, sig)
        else:
            self.process.send_signal(sig)
        return self.wait()

    def wait(self):
        code = self.process.wait(60)
        self._reader.join(10)
        return code

    def children(self):
        return [
            child
            for child in psutil.Process(self.process.pid).children(recursive=True)
            if "resource_tracker" not in " ".join(child.cmdline())
        ]

    def kill(self):
        """Leave nothing behind."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        self._reader.join(10)
        self.process.stdout.close()


def get(url, context=None, **headers):
    """The body of an HTTP answer with status 200."""
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=30, context=context) as response:
        return response.read().decode()


async def get_async(url, **options):
    return await asyncio.to_thread(get, url, **options)


def all_gone(processes):
    """Whether these processes end within a time."""
    return not psutil.wait_procs(processes, timeout=30)[1]
