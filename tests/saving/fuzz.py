"""Mutated genuine files: whatever they hold, reading ends with a model or a clear refusal, in bounded time and memory.

    python tests/saving/fuzz.py --inputs 20000 --seed 1

Input k of a seed is always the same bytes: `--only K` runs one again and shows its error. A forked process reads the
inputs under a cap on memory and on time, with an audit hook that knows whether anything was executed.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import bigdl_keras as bk
from bigdl_keras import saving

HERE = Path(__file__).resolve()
FOLDERS = (HERE.parents[1] / "data" / "keras", HERE.parents[3] / "shared" / "fixtures" / "public")
ENDINGS = (".h5", ".keras", ".json")
MOST_BYTES = 300_000
CPU_SECONDS = 20
SECONDS = 300  # by the clock: on a busy machine a process may wait long for its turn
MEMORY = 6 * 2**30
EXECUTION = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "subprocess.Popen", "pickle.find_class",
             "code.__new__", "function.__new__", "socket.connect")  # fmt: skip
SYSTEM = {"module": "os", "class_name": "system", "config": {"command": "true"}, "registered_name": "system"}
LAMBDA = {"class_name": "__lambda__", "config": {"value": "4wEAAAA="}}
STRANGE = (None, True, -1, 0, 1, 2**31, 2**63, -(2**40), 1e308, float("nan"), "", "x", "../x", [], {}, [[]], [1] * 50,
           LAMBDA, {"class_name": "Dense"}, SYSTEM)  # fmt: skip


def genuine() -> list[Path]:
    """The files to start from, small ones of every generation."""
    files = [path for folder in FOLDERS if folder.is_dir() for path in sorted(folder.rglob("*"))]
    return [path for path in files if path.suffix in ENDINGS and path.stat().st_size <= MOST_BYTES]


# ---- mutations


def mutated_bytes(content: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """Bytes flipped, overwritten, cut, doubled, or taken from another file."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 6))):
        start = int(rng.integers(0, max(len(data), 1)))
        stop = min(len(data), start + int(2 ** rng.uniform(0, 10)))
        match int(rng.integers(0, 6)):
            case 0:
                data[start : start + 1] = bytes([int(rng.integers(0, 256))])
            case 1:
                data[start:stop] = bytes([int(rng.choice([0, 255]))]) * (stop - start)
            case 2:
                del data[start:stop]
            case 3:
                data[start:start] = data[start:stop]
            case 4:
                place = int(rng.integers(0, max(len(other), 1)))
                data[start:stop] = other[place : place + stop - start]
            case 5:
                data[start : start + 8] = int(rng.integers(-(2**62), 2**62)).to_bytes(8, "little", signed=True)
    return bytes(data[: int(rng.integers(0, len(data) + 1))] if rng.random() < 0.1 else data)


def mutated_json(text: str, rng: np.random.Generator) -> str:
    """A JSON text with values replaced, removed, doubled, or moved."""
    tree = json.loads(text)
    for _ in range(int(rng.integers(1, 4))):
        places = list(_places(tree))
        if not places:
            break
        owner, key = places[int(rng.integers(0, len(places)))]
        elsewhere, there = places[int(rng.integers(0, len(places)))]
        match int(rng.integers(0, 5)):
            case 0 | 1:
                owner[key] = json.loads(json.dumps(STRANGE[int(rng.integers(0, len(STRANGE)))]))
            case 2:
                del owner[key]
            case 3:
                owner[key] = json.loads(json.dumps(elsewhere[there]))
            case 4 if isinstance(owner, list):
                owner.insert(int(rng.integers(0, len(owner) + 1)), json.loads(json.dumps(owner[key])))
            case _:
                owner[key] = [owner[key]] if rng.random() < 0.5 else str(owner[key])
    return json.dumps(tree)


def _places(value: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(items):
        yield value, key
        yield from _places(item)


def mutated_archive(content: bytes, rng: np.random.Generator) -> bytes:
    """A .keras archive one of whose members is mutated, with sound checksums."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = str(rng.choice(sorted(members)))
    if name.endswith(".json"):
        members[name] = mutated_json(members[name].decode(), rng).encode()
    else:
        members[name] = mutated_bytes(members[name], members[name], rng)
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w", int(rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))) as archive:
        for key, value in members.items():
            archive.writestr(key, value)
    return result.getvalue()


def mutated_attributes(content: bytes, rng: np.random.Generator) -> bytes:
    """A sound HDF5 file whose JSON attributes, lists of names, or arrays say something else."""
    memory = io.BytesIO(content)
    with h5py.File(memory, "r+") as file:
        texts = [key for key in ("model_config", "training_config") if key in file.attrs]
        groups: list[h5py.Group] = [file]
        file.visititems(lambda _, place: groups.append(place) if isinstance(place, h5py.Group) else None)
        if texts and rng.random() < 0.6:
            key = str(rng.choice(texts))
            text = file.attrs[key]
            file.attrs[key] = mutated_json(text if isinstance(text, str) else text.decode(), rng)
            return _closed(file, memory)
        group = groups[int(rng.integers(0, len(groups)))]
        names = [key for key in group.attrs if key.endswith("names")] if rng.random() < 0.5 else []
        if names:
            listed = [name if isinstance(name, bytes) else str(name).encode() for name in group.attrs[names[0]]]
            rng.shuffle(listed)
            group.attrs[names[0]] = np.asarray(listed[: int(rng.integers(0, len(listed) + 1))] or [b"none"])
        elif len(group):
            key = str(rng.choice(list(group)))
            old = group[key]
            del group[key]
            if isinstance(old, h5py.Dataset) and rng.random() < 0.7:
                shape = tuple(int(size) for size in rng.integers(0, 9, int(rng.integers(0, 5))))
                group.create_dataset(key, data=rng.normal(size=shape).astype(str(rng.choice(["f2", "f8", "i8", "u1"]))))
        return _closed(file, memory)


def _closed(file: h5py.File, memory: io.BytesIO) -> bytes:
    file.close()
    return memory.getvalue()


def make_input(files: list[Path], seed: int, number: int) -> tuple[Path, bytes]:
    """The genuine file and the bytes of input `number`."""
    rng = np.random.default_rng([seed, number])
    path = files[int(rng.integers(0, len(files)))]
    other = files[int(rng.integers(0, len(files)))].read_bytes()
    content = path.read_bytes()
    if rng.random() < 0.4:
        return path, mutated_bytes(content, other, rng)
    structured: dict[str, Callable[[], bytes]] = {
        ".json": lambda: mutated_json(content.decode(), rng).encode(),
        ".keras": lambda: mutated_archive(content, rng),
        ".h5": lambda: mutated_attributes(content, rng),
    }
    return path, structured[path.suffix]()


# ---- reading


def read(path: Path) -> str:
    """Open a file in every way that there is; answers how that went. Anything but a ValueError or TypeError escapes."""
    try:
        if path.suffix == ".json":
            bk.models.model_from_json(path.read_text(encoding="utf-8"))
        else:
            file = saving.read_file(path)
            file.list_arrays()
            if file.is_weights_only:
                probe = bk.Sequential([bk.Input((3,)), bk.layers.Dense(2), bk.layers.Dense(2)])
                probe.load_weights(path, skip_mismatch=True)
            else:
                bk.models.load_model(path)
    except UnicodeDecodeError:
        return "not text"
    except (ValueError, TypeError) as error:
        return f"{type(error).__name__}"
    return "read"


def work(files: list[Path], seed: int, numbers: list[int], report: Any) -> None:
    """Read inputs one after another; each is announced before, and its outcome after."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("ignore")
    executed: list[str] = []
    armed = False

    def hook(event: str, arguments: Any) -> None:
        code = getattr(arguments[0], "co_filename", "") if event == "exec" else sys.prefix
        if armed and (event in EXECUTION or not code.startswith((sys.prefix, sys.base_prefix))):
            executed.append(f"{event} {str(arguments)[:80]}")

    with tempfile.TemporaryDirectory() as folder:
        for path in {file.suffix: file for file in files}.values():
            read(path)  # what is imported at the first use is imported here
        sys.addaudithook(hook)
        for number in numbers:
            report.send((number, None))
            path, content = make_input(files, seed, number)
            place = Path(folder) / f"input{path.suffix}"
            place.write_bytes(content)
            executed.clear()
            armed = True
            signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)  # its signal ends the process
            try:
                outcome = read(place)
            except Exception:
                outcome = f"ESCAPED {traceback.format_exc(limit=-3)}"
            armed = False
            signal.setitimer(signal.ITIMER_PROF, 0)
            report.send((number, f"EXECUTED {executed}" if executed else outcome))
    report.send((None, None))


def run(files: list[Path], seed: int, numbers: list[int], found: Counter[str]) -> None:
    """Read inputs in a child process, which is replaced when one of them kills it or takes too long."""
    while numbers:
        parent, child = multiprocessing.Pipe()
        process = multiprocessing.Process(target=work, args=(files, seed, numbers, child))
        process.start()
        child.close()
        current: int | None = None
        try:
            while parent.poll(SECONDS):
                number, outcome = parent.recv()
                if number is None:
                    process.join()
                    return
                current = number
                if outcome is not None:
                    numbers = numbers[1:]
                    _tell(number, outcome, found)
            outcome = f"HANGS for {SECONDS} s"
        except EOFError:
            process.join()
            code = process.exitcode or 0
            outcome = f"DIES with {signal.Signals(-code).name if code < 0 else code}"
        process.kill()
        process.join()
        if current is None:
            raise RuntimeError("the reading process ended before its first input; its error stands above")
        _tell(current, outcome, found)
        numbers = numbers[1:]


def _tell(number: int, outcome: str, found: Counter[str]) -> None:
    found[outcome.split()[0]] += 1
    if outcome.split()[0].isupper():
        print(f"input {number}: {outcome}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int)
    chosen = parser.parse_args()
    files, found, started = genuine(), Counter[str](), time.monotonic()
    numbers = [chosen.only] if chosen.only is not None else list(range(chosen.first, chosen.first + chosen.inputs))
    if chosen.only is not None:
        print(make_input(files, chosen.seed, chosen.only)[0])
    run(files, chosen.seed, numbers, found)
    print(f"{len(numbers)} inputs from {len(files)} files in {time.monotonic() - started:.0f} s: {dict(found)}")
    return int(any(outcome.isupper() for outcome in found))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
