"""Lets torchaudio be imported where its compiled part cannot be loaded, as on a CPU build of torch.

torchaudio 2.11 has no CPU build: its extension wants CUDA libraries, `import torchaudio` raises OSError, and since
transformers imports torchaudio wherever it is installed, every speech model and peft fail to import with it. Most of
torchaudio is Python and needs no extension. So a finder wraps one module, `torchaudio._extension`: if executing it
fails, the extension is marked as unavailable and the rest goes on. A healthy installation is untouched.

This must stand before transformers is imported, hence the package's top level imports it, alone of all modules.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # its classes need not be inherited, and it takes longer to import than the rest of the command line
    from importlib.abc import Loader
else:
    Loader = object

GUARDED = "torchaudio._extension"


class ExtensionLoader(Loader):
    """Executes the module as its own loader would; where that fails, leaves it without the extension."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        try:
            self._loader.exec_module(module)
        except (OSError, RuntimeError, ImportError) as error:
            mark_unavailable(module, error)


def mark_unavailable(module: ModuleType, error: BaseException) -> None:
    """What torchaudio reads from this module, saying that nothing compiled is there."""

    def fail_if_no_align(function: object) -> object:
        def refuse(*args: object, **kwargs: object) -> None:
            raise RuntimeError(f"torchaudio's compiled part is not available here: {error}")

        return refuse

    vars(module).update(
        _IS_TORCHAUDIO_EXT_AVAILABLE=False, _IS_ALIGN_AVAILABLE=False, fail_if_no_align=fail_if_no_align
    )


class ExtensionFinder:
    """Answers for the one guarded module, with what the other finders know of it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != GUARDED:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = ExtensionLoader(spec.loader)
        return spec


def install() -> None:
    """Put the finder first, once."""
    if not any(isinstance(finder, ExtensionFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, ExtensionFinder())
