"""A model package on disk: a folder, or one file, that holds a trained recognizer as numbers and JSON, and no code.

    package.json         which format this is, of which run, when and with what it was made, a hash of each other file
    config.json          the configuration that rebuilds the recognizer: preprocessing, network, decoding, metrics
    alphabet.json        the symbols that it writes (or its tokenizer)
    weights.safetensors  all its weights
    README.md            for people: what it is, with the figures of its Reports
    reports.json         those Reports without their rows: figures, intervals, Protocols
    architecture.json    of models that were made from weights of others; features.json: what features were like
    files/<name>         what the configuration names, such as a language model

The one file, `name.scansion`, is a zip archive of these, none of them compressed. Anything else in it is refused, and
so is a file that is not what package.json says. It knows nothing of torch or configuration.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from project.contract import InputError
from project.moved import renamed

FORMAT = 1
SUFFIX = ".scansion"
HUB = "hf://"
INDEX, CONFIG, WEIGHTS = "package.json", "config.json", "weights.safetensors"
REQUIRED = (INDEX, CONFIG, "alphabet.json", WEIGHTS)
OPTIONAL = ("README.md", "reports.json", "architecture.json", "features.json")
FILES = "files/"
EXTRA = re.compile(r"files/[\w][\w.-]*")
BESIDE = ("reports", "partial")  # folders that evaluate makes in a package that is a folder
INSIDE = "package:"  # begins a value of the configuration that names a file in the package
_HUB_NAME = re.compile(r"hf://(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
_CHUNK = 1 << 20


def is_package(folder: Path) -> bool:
    """Whether a folder holds a package."""
    return (folder / INDEX).is_file()


def find(name: str) -> tuple[Path, Path | None] | None:
    """The folder of a package that is named, checked, and where its Reports go if not there; None of anything else."""
    found: tuple[Path, Path | None] = (Path(name), None)
    if name.startswith(HUB) or (name.endswith(SUFFIX) and not is_package(Path(name))):
        found = opened(name)
    elif not is_package(Path(name)):
        return None
    require(found[0])
    return found


def run_of(folder: Path) -> str | None:
    """The name of the run that was packed; None where a folder holds no package."""
    return str(read_index(folder)["run"]) if is_package(folder) else None


def opened(name: str) -> tuple[Path, Path]:
    """A folder with the content of a file or of a repository, for as long as this process lives; and where Reports go.

    They go beside a file, and into the working folder where the package came from elsewhere.
    """
    folder = Path(tempfile.mkdtemp(prefix="scansion-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if name.startswith(HUB):
        fetch(name, folder)
        return folder, Path(f"{name.removeprefix(HUB).replace('/', '--').replace('@', '--')}.reports")
    unpack(Path(name), folder)
    return folder, Path(f"{name.removesuffix(SUFFIX)}.reports")


def unpack(file: Path, folder: Path) -> None:
    """The files of an archive; one that holds anything else is refused before any is written."""
    if not file.is_file():
        raise InputError(f"{file}: there is no such package: correct the path")
    try:
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                require_name(member.filename, str(file))
                if member.compress_type != zipfile.ZIP_STORED or member.file_size > file.stat().st_size:
                    raise InputError(f"{file}: {member.filename} is compressed, which none of ours is: get another")
                target = folder / member.filename
                target.parent.mkdir(exist_ok=True)
                with archive.open(member) as source, target.open("wb") as copy:
                    shutil.copyfileobj(source, copy)
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise InputError(f"{file}: not a readable package ({error}): get it again") from None


def fetch(name: str, folder: Path) -> None:
    """The files of a repository on the Hugging Face hub, `hf://user/name` or `hf://user/name@revision`."""
    told = _HUB_NAME.fullmatch(name)
    if told is None:
        raise InputError(f"{name}: write hf://user/name, or hf://user/name@revision")
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError:
        raise InputError(f"{name}: needs huggingface_hub: pip install huggingface_hub") from None
    try:
        wanted = [*REQUIRED, *OPTIONAL, f"{FILES}*"]
        found = Path(snapshot_download(told["repo"], revision=told["revision"], allow_patterns=wanted))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{name}: cannot be fetched ({reason}): check the name and the network, and log in with hf auth login if "
            "it is private"
        ) from None
    for one in sorted(file for file in found.rglob("*") if file.is_file()):
        place = one.relative_to(found).as_posix()
        if EXTRA.fullmatch(place) or place in (*REQUIRED, *OPTIONAL):
            (folder / place).parent.mkdir(exist_ok=True)
            (folder / place).symlink_to(one.resolve())


def require(folder: Path) -> None:
    """Refuse a package of another format, with files that do not belong in one, or with one that was changed."""
    for file in sorted(folder.rglob("*")):
        place = file.relative_to(folder).as_posix()
        if file.is_file() and place.partition("/")[0] not in BESIDE:
            require_name(place, str(folder))
    for name in REQUIRED:
        if not (folder / name).is_file():
            raise InputError(f"{folder}: not a package, it holds no {name}: get it again")
    index = read_index(folder)
    for name, digest in index["files"].items():
        require_name(name, str(folder))
        if not (folder / name).is_file() or hash_file(folder / name) != digest:
            raise InputError(f"{folder}: its {name} is not what was packed: get the package again")
    for name in (CONFIG, "alphabet.json", WEIGHTS):
        if name not in index["files"]:
            raise InputError(f"{folder / INDEX}: it does not vouch for {name}: get the package again")


def read_index(folder: Path) -> dict[str, Any]:
    """What package.json says."""
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{folder / INDEX}: not readable ({error}): get the package again") from None
    if not isinstance(index, dict) or not isinstance(index.get("files"), dict) or not isinstance(index.get("run"), str):
        raise InputError(f"{folder / INDEX}: not what a package says of itself: get the package again")
    if index.get("format") != FORMAT:
        raise InputError(
            f"{folder}: a package of format {index.get('format')}, and this version reads {FORMAT}: update scansion, "
            "or export the run again"
        )
    return index


def read_config(folder: Path) -> dict[str, Any]:
    """The configuration in a package; files that it names in there are found."""
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{folder / CONFIG}: not readable ({error}): get the package again") from None
    if not isinstance(config, dict):
        raise InputError(f"{folder / CONFIG}: holds no configuration: get the package again")
    placed = _placed(renamed(config), folder)
    assert isinstance(placed, dict)
    return placed


def _placed(node: Any, folder: Path) -> Any:
    if isinstance(node, Mapping):
        return {key: _placed(value, folder) for key, value in node.items()}
    if isinstance(node, list):
        return [_placed(value, folder) for value in node]
    if isinstance(node, str) and node.startswith(INSIDE):
        place = node.removeprefix(INSIDE)
        require_name(place, str(folder))
        return str(folder / place)
    return node


def require_name(name: str, where: str) -> None:
    """Refuse a file that no package holds: what it is good for nobody knows."""
    if name not in (*REQUIRED, *OPTIONAL) and not EXTRA.fullmatch(name):
        raise InputError(f"{where}: it holds {name[:100]!r}, which no package does: do not use it")


def content(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files of a package that is a folder, by their names in it."""
    for name in (*REQUIRED, *OPTIONAL):
        if (folder / name).is_file():
            yield name, folder / name
    for file in sorted((folder / "files").glob("*")):
        yield f"{FILES}{file.name}", file


def hash_file(file: Path) -> str:
    """64 hexadecimal digits of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def zipped(folder: Path, file: Path) -> None:
    """A package's folder as one file. Nothing is compressed: weights hardly are, and so they can be read in place."""
    with zipfile.ZipFile(file, "x", zipfile.ZIP_STORED) as archive:
        for name, source in content(folder):
            member = zipfile.ZipInfo(name)  # no times: the same package is the same file
            with source.open("rb") as stream, archive.open(member, "w", force_zip64=True) as target:
                shutil.copyfileobj(stream, target, _CHUNK)
