"""Files for `docker cp`, as one tar stream."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def tar(files: Mapping[str, bytes | str], modes: Mapping[str, int] | None = None) -> bytes:
    """A tar of files by their path in the container, all root's; 0644 where ``modes`` says nothing else."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for path, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(path.lstrip("/"))
            info.size = len(data)
            info.mode = (modes or {}).get(path, 0o644)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()
