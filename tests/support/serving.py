"""A folder served on this machine; what is asked of it is counted."""

from __future__ import annotations

import os
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import BinaryIO


class Counting(SimpleHTTPRequestHandler):
    """Sends files of a folder, and notes their sizes in the server's ``sent``."""

    def copyfile(self, source: BinaryIO, outputfile: BinaryIO) -> None:  # type: ignore[override]
        assert isinstance(self.server, FolderServer)
        self.server.sent.append((self.path, os.fstat(source.fileno()).st_size))
        super().copyfile(source, outputfile)

    def log_message(self, *_: object) -> None:
        pass


class FolderServer(ThreadingHTTPServer):
    """Serves a folder.

    Attributes:
        address: its address, which ends in a slash.
        sent: the path and the bytes of each file that was sent.

    """

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(Counting, directory=str(folder)))
        self.address = f"http://127.0.0.1:{self.server_port}/"
        self.sent: list[tuple[str, int]] = []
        Thread(target=self.serve_forever, daemon=True).start()

    def __enter__(self) -> FolderServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Serve nothing any more."""
        self.shutdown()
        self.server_close()
