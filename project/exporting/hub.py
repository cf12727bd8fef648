"""Putting a model package into a repository of the Hugging Face hub. It is fetched from there by `project.package`."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from project import package
from project.contract import InputError, WorkError

_REPOSITORY = re.compile(r"[\w][\w.-]*/[\w][\w.-]*")


def require_repository(name: str) -> None:
    """Refuse what is no name of a repository."""
    if not _REPOSITORY.fullmatch(name):
        raise InputError(f"push={name}: write push=user/name")


def push(out: Path, repository: str, *, private: bool) -> str:
    """Upload a package, a folder or a file, as the repository's files; its address."""
    try:
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError
    except ImportError:
        raise InputError("push: needs huggingface_hub: pip install huggingface_hub") from None
    api = HfApi()
    with tempfile.TemporaryDirectory() as scratch:
        folder = out
        if not out.is_dir():
            folder = Path(scratch)
            package.unpack(out, folder)
        try:
            api.whoami()
            api.create_repo(repository, private=private, exist_ok=True)
            names = [name for name, _ in package.content(folder)]
            told = f"Package of {package.read_index(folder)['run']}"
            api.upload_folder(repo_id=repository, folder_path=folder, allow_patterns=names, commit_message=told)
        except LocalTokenNotFoundError:
            raise InputError(
                f"push={repository}: nobody is logged in to the hub here: run hf auth login, or set HF_TOKEN; "
                f"{out} is made"
            ) from None
        except (HfHubHTTPError, OSError) as error:
            reason = " ".join(str(error).split())[:200]
            raise WorkError(
                f"push={repository}: the hub refused or was not reached ({reason}): {out} is made, push it again with "
                f"scansion export run={out} out=<another> push={repository}"
            ) from None
    return f"{package.HUB}{repository}"
