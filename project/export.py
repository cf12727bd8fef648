"""scansion export: a run made into something to hand on, checked against the original before anybody gets it."""

from __future__ import annotations

from pathlib import Path

from project.build.app import app
from project.build.bind import fits, is_object
from project.contract import Config, InputError
from project.run import Run

SUFFIXES = {"package": ".scansion", "onnx": ".onnx", "torchscript": ".pt", "page": ".html"}


def export(config: Config, words: list[str]) -> int:
    """Write what was asked for; its path is the last line."""
    run, form = Run.open(config["run"]), config["format"]
    check_request(config)
    out = Path(config["out"] or f"{run.name.replace('/', '-')}{SUFFIXES[form]}")
    if out.exists():
        raise InputError(f"out={out}: it is there already: name another, or remove it")
    make_folder(out)
    if form == "package":
        from project.exporting.package_file import write_package

        write_package(run, config, out)
    else:
        graphs(run, config, out)
    if config["push"]:
        from project.exporting.hub import push

        print(push(out, config["push"], private=config["private"]))
    print(out)
    return 0


def check_request(config: Config) -> None:
    """Refuse what cannot be asked for, before anything is done."""
    form = config["format"]
    if form not in SUFFIXES:
        raise InputError(f"format={form}: choose from {', '.join(SUFFIXES)}")
    if config["decode"] is not None and not is_object(config["decode"]):
        raise InputError("decode: it names no decoder: write decode=beam decode.size=10")
    if config["quantize"] not in (None, "int8"):
        raise InputError(f"quantize={config['quantize']}: choose int8, or leave it out")
    if config["quantize"] and form != "onnx":
        raise InputError(f"quantize={config['quantize']}: only ONNX files are quantized: set format=onnx")
    if config["push"] and form != "package":
        raise InputError("push: only packages are put into repositories: set format=package")
    most = config["max_samples"]
    if not fits(most, int | None) or (most is not None and most < 1):
        raise InputError(f"max_samples: {most!r} is no whole number from 1 on: give one, or null")
    if config["push"]:
        from project.exporting.hub import require_repository

        require_repository(config["push"])
    if config["out"] and form != "package" and Path(config["out"]).suffix != SUFFIXES[form]:
        raise InputError(f"out={config['out']}: a file of format={form} ends with {SUFFIXES[form]}: name it so")


def make_folder(out: Path) -> None:
    """The folder that a file is to be in, unless it is there."""
    try:
        out.absolute().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"out={out}: no folder can be made for it ({error.strerror}): name another place") from None


def graphs(run: Run, config: Config, out: Path) -> None:
    """A graph and, if asked for, its smaller sister, or the page that holds it; each is kept only if it passes."""
    from project.exporting.making import make_graphs
    from project.serving.making import make_page

    for line in (make_page if config["format"] == "page" else make_graphs)(run, config, out):
        print(line)


main = app("export", export)

if __name__ == "__main__":
    main()
