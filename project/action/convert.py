"""Converts manifests of NeMo, Hugging Face and lhotse to ours, and ours to NeMo's."""

from __future__ import annotations

import glob
import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from project.action.output import common_folder, progress, require_free, require_manifests, say
from project.contract import InputError
from project.data.foreign import Entry, Source, detect, name_entries, read_entry, require_nemo, write_nemo
from project.data.manifest import write_manifest
from project.data.media import in_threads, local_path
from project.data.relocate import Way, complete, relocate, require_whole
from project.data.relocate import home_of as media_home
from project.data.remote_manifest import copies_of, home_of, named
from project.feature.remote_file import is_remote

Format = Literal["scansion", "nemo"]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Convert:
    """Writes one manifest of all that it reads; nothing is written if a line cannot be taken over.

    Media stay where they are (`keep`), or come beside the manifest as links or copies; an example that is a part of its
    medium is cut out of it, which needs `copy`. Without `out` the manifest is written beside the one read if all media
    are below that one's folder, else into the deepest folder that holds them all.
    """

    def __init__(
        self,
        manifest: str | Sequence[str],
        out: str | None = None,
        source: Source | None = None,
        to: Format = "scansion",
        media: Way = "keep",
        overwrite: bool = False,
    ) -> None:
        self.patterns = require_manifests(manifest, "convert")
        self.out = None if out is None else Path(out)
        self.source = source
        self.to = to
        self.media = media
        self.overwrite = overwrite

    def run(self) -> int:
        """0 when the manifest is written; 2 if lines cannot be taken over, each named with the reason."""
        files = find_files(self.patterns)
        lines = [(raw, where, file) for file in files for raw, where in lines_of(file)]
        if not lines:
            raise InputError(f"{files[0]}: it has no lines: there is nothing to convert")
        entries, problems = self._read(lines)
        if not problems:
            entries = name_entries(entries, str(common_folder(files)))
            problems = flaws_of(entries, self.media, self.to)
        if problems:
            print("\n".join(problems))
            say(f"{len(problems):,} problems in {len(lines):,} lines, nothing is written: mend them first")
            return 2
        self._write(files, entries)
        return 0

    def _read(self, lines: Sequence[tuple[bytes, str, Path]]) -> tuple[list[Entry], list[str]]:
        """The entries of all lines, and why some have none."""
        sources: dict[Path, Source] = {}
        for raw, where, file in lines:
            if file not in sources:
                sources[file] = self.source or detect(raw, where)

        def read(line: tuple[bytes, str, Path]) -> Entry | InputError:
            raw, where, file = line
            try:
                return complete(read_entry(raw, where, home_of(file), sources[file]))
            except InputError as error:
                return error

        entries, problems = [], []
        with progress("reading", len(lines)) as advance:
            for result in in_threads(read, lines):
                if isinstance(result, Entry):
                    entries.append(result)
                else:
                    problems.append(str(result))
                advance()
        return entries, problems

    def _write(self, files: Sequence[Path], entries: Sequence[Entry]) -> None:
        media = [entry.example.media for entry in entries]
        out = self.out or self._default_out(files[0], media)
        require_free([out], self.overwrite)
        store = out.parent / "media" / out.stem
        with progress("moving media", 0 if self.media == "keep" else len(set(media))) as advance:
            examples = relocate(entries, store, self.media, self.overwrite, advance)
        out.parent.mkdir(parents=True, exist_ok=True)
        if self.to == "nemo":
            write_nemo(out, examples)
        else:
            write_manifest(out, examples, entries[0].unit)
        print(f"{out}: {len(examples):,} examples")
        folder = f"{out.parent.absolute()}/"
        outside = [one.media for one in examples if not (local_path(one.media) or folder).startswith(folder)]
        if outside:
            say(
                f"{len(outside):,} media are not below {out.parent} and named by their absolute places, {outside[0]} "
                "the first: media=copy or media=link brings them beside the manifest"
            )

    def _default_out(self, file: Path, media: Sequence[str]) -> Path:
        if is_remote(named(file)):
            raise InputError(f"{named(file)}: it is at a URL, and nothing is written beside it: say out=...")
        own = file.absolute().parent
        home = own if self.to == "nemo" or self.media != "keep" else Path(media_home(media, str(own)))
        return home / f"{file.name.removesuffix('.gz').rpartition('.')[0] or file.name}.{self.to}.jsonl"


def flaws_of(entries: Sequence[Entry], way: Way, to: Format) -> list[str]:
    """Why entries make no manifest together: ids that come twice, units that differ, parts that are not cut out."""
    first: dict[str, Entry] = {}
    flaws = []
    for entry in entries:
        known = first.setdefault(entry.example.id, entry)
        place = f"{entry.where}: {entry.example.id}"
        if known is not entry:
            flaws.append(f"{place}: id is already that of {known.where}: give every example an id of its own")
        if entry.unit != entries[0].unit:
            flaws.append(f"{place}: its length is in {entry.unit}, the first in {entries[0].unit}: use one unit")
        try:
            require_whole(entry, way)
            if to == "nemo":
                require_nemo(entry)
        except InputError as error:
            flaws.append(str(error))
    return flaws


def find_files(patterns: Sequence[str]) -> list[Path]:
    """The files that paths, URLs and globs name, of URLs copies; those of one glob in sorted order."""
    files = []
    for pattern in patterns:
        if is_remote(pattern):
            files += copies_of(pattern)
            continue
        path = Path(pattern).expanduser()
        found = [path] if path.is_file() else [Path(name) for name in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207
        if not any(file.is_file() for file in found):
            raise InputError(f"{pattern}: no such manifest: check the path")
        files += [file for file in found if file.is_file()]
    return files


def lines_of(file: Path) -> Iterator[tuple[bytes, str]]:
    """The lines of a text file, packed or not, each with its `file:line`; blank ones are passed over."""
    try:
        with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                raw = line.removeprefix(_BYTE_ORDER_MARK).strip()
                if raw:
                    yield raw, f"{named(file)}:{number}"
    except (OSError, EOFError) as error:
        raise InputError(f"{named(file)}: it cannot be read: {error}: replace the file") from None
