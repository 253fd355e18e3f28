"""The kernel's private socket to the runner, and the standard streams that are kept in order with it."""

import _queue
import io
import json
import os
import signal
import sys
import threading

# The socket came as standard input. It moves out of reach of programs that use small numbers; children do not get it.
SOCKET = 200
IN, OUT, ERR = 201, 202, 203

# Written in C, too: json.loads asks for the builtins.
scan_json = json.JSONDecoder().scan_once


def _move(source, target):
    os.dup2(source, target, inheritable=False)


_move(0, SOCKET)
_move(1, OUT)
_move(2, ERR)
os.dup2(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), IN, inheritable=False)


class Channel:
    """Lines of JSON in both directions. Only the process that was started as the kernel speaks."""

    def __init__(self):
        self.pid = os.getpid()
        self.lock = threading.RLock()
        # Written in C, so that no builtin that a cell has replaced is part of it.
        self.acknowledged = _queue.SimpleQueue()
        self.sent = 0
        self.is_sending = self.is_interrupted = False

    def is_own(self):
        return os.getpid() == self.pid

    def send(self, in_order=False, **message):
        """Sends a message; `in_order` waits until the runner has read all output that was written before."""
        if not self.is_own():
            return
        is_main = threading.current_thread() is threading.main_thread()
        with self.lock:
            # An interrupt must not leave half a message behind.
            self.is_sending = is_main or self.is_sending
            try:
                self._send(in_order, message)
            finally:
                self.is_sending = self.is_sending and not is_main
        if is_main and self.is_interrupted:
            self.is_interrupted = False
            raise KeyboardInterrupt

    def _send(self, in_order, message):
        if in_order:
            self.sent += 1
            message["number"] = self.sent
        data = json.dumps(message).encode() + b"\n"
        try:
            while data:
                data = data[os.write(SOCKET, data):]
        except OSError:
            # The cell has closed what it could not know.
            os._exit(70)
        if in_order:
            while self.acknowledged.get() < message["number"]:
                pass

    def receive(self, on_cell, on_interrupt):
        """Reads what the runner says until it has gone. Runs in a thread of its own. A kernel that hears nothing any more ends."""
        try:
            self._receive(on_cell, on_interrupt)
        finally:
            os._exit(70)

    def _receive(self, on_cell, on_interrupt):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        rest = b""
        while True:
            try:
                piece = os.read(SOCKET, 65536)
            except OSError:
                piece = b""
            if not piece:
                os._exit(70)
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                message, _ = scan_json(line.decode(), 0)
                kind = message["type"]
                if kind == "ack":
                    self.acknowledged.put(message["number"])
                elif kind == "interrupt":
                    on_interrupt()
                else:
                    on_cell(message)


channel = Channel()


class Stream(io.TextIOWrapper):
    """Standard output or error. What is written first is read first, also where both streams are written to."""

    last = None

    def __init__(self, number, name):
        super().__init__(io.FileIO(number, "w", closefd=False), encoding="utf-8", errors="backslashreplace", write_through=True)
        self.mode = "w"
        self._name = name

    @property
    def name(self):
        return self._name

    def write(self, text):
        if text and Stream.last is not self:
            if Stream.last is not None:
                channel.send(in_order=True, type="sync")
            Stream.last = self
        return super().write(text)

    def isatty(self):
        return False

    def close(self):
        """Stays open: the next cell writes to it, too."""


def is_usable(stream):
    try:
        return not stream.closed
    except (AttributeError, ValueError):
        return False


def connect_streams():
    """Undoes what the cell before has done to the streams."""
    global out, err
    for number, kept in ((0, IN), (1, OUT), (2, ERR)):
        os.dup2(kept, number, inheritable=True)
    if not is_usable(out):
        out = Stream(1, "<stdout>")
    if not is_usable(err):
        err = Stream(2, "<stderr>")
    if not is_usable(sys.__stdin__):
        # exit() has closed it.
        sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)
    Stream.last = None
    sys.stdout = sys.__stdout__ = out
    sys.stderr = sys.__stderr__ = err


out, err = Stream(1, "<stdout>"), Stream(2, "<stderr>")
