"""What the scripts that measure whole programs share: installing one, running it, and the lines of results.

Times are the operating system's own accounting of a finished process and its children, start-up included.
"""
import glob
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import venv
from dataclasses import dataclass
from typing import Callable

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
WORK = os.path.join(ROOT, ".build", "peers")
LIMIT_SECONDS = 300
# How much shorter the second size is, by which a record's own cost is told from the start's.
SHORT_PART = 5


class Wrong(Exception):
    """Why a program has no figure."""


@dataclass
class Cost:
    wall: float
    cpu: float
    peak: int


@dataclass
class Job:
    """A piece of work in one program. `run` does so many units of it and raises Wrong when the answer is not right."""

    work: str
    who: str
    units: int
    run: Callable[[int], Cost]
    start: Callable[[], Cost]
    is_ours: bool = False
    # Our cost must be at most this one's over the goal.
    goal: float | None = None


def note(text):
    print(text, file=sys.stderr, flush=True)


def release(product):
    """The binary of a product, built in release mode."""
    subprocess.run(["swift", "build", "--package-path", ROOT, "-c", "release", "--product", product, "-q"],
                   check=True, stdout=sys.stderr)
    return os.path.join(ROOT, ".build", "release", product)


def tool(command, package):
    """Makes sure that a program of the system is there: from its package, where that can be had."""
    if shutil.which(command):
        return
    if shutil.which("apt-get"):
        note(f"installing {package} …")
        root = [] if os.geteuid() == 0 else ["sudo", "-n"]
        for words in (["update", "-q"], ["install", "-y", "-q", "--no-install-recommends", package]):
            subprocess.run([*root, "apt-get", *words], stdout=sys.stderr,
                           env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    if not shutil.which(command):
        raise Wrong(f"there is no {command} here; it comes with {package}")


def run(command, variables=None):
    """Runs a command to its end, its children included: what it cost and what it printed."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        begin = time.monotonic()
        process = subprocess.Popen(command, stdout=output, stderr=errors, stdin=subprocess.DEVNULL,
                                   env={**os.environ, **(variables or {})})
        limits = [threading.Timer(LIMIT_SECONDS + more, os.kill, (process.pid, number))
                  for more, number in ((0, signal.SIGTERM), (5, signal.SIGKILL))]
        for limit in limits:
            limit.start()
        _, status, usage = os.wait4(process.pid, 0)
        for limit in limits:
            limit.cancel()
        wall = time.monotonic() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
        if process.returncode != 0:
            errors.seek(0)
            note((text[-1500:] + errors.read().decode(errors="replace"))[-3000:])
            raise Wrong("ended for want of time" if wall >= LIMIT_SECONDS else f"exit code {process.returncode}")
    scale = 1 if sys.platform == "darwin" else 1024
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * scale), text


def environment(name, *packages):
    """The Python of a virtual environment with the packages; made once."""
    path = os.path.join(WORK, "env-" + name)
    mark = os.path.join(path, "ready-" + "-".join(packages).replace("==", "-"))
    if not os.path.exists(mark):
        note(f"installing {', '.join(packages)} …")
        venv.create(path, with_pip=True, clear=True)
        subprocess.run([os.path.join(path, "bin", "python"), "-m", "pip", "install", "--quiet", *packages], check=True,
                       stdout=sys.stderr)
        open(mark, "w").close()
    return os.path.join(path, "bin", "python")


def version(name, package):
    """What of the package is in the environment."""
    found = glob.glob(os.path.join(WORK, "env-" + name, "lib", "python*", "site-packages", package + "-*.dist-info"))
    return os.path.basename(found[0])[len(package) + 1:-len(".dist-info")] if found else ""


def flink(job, *arguments):
    """The command for a job in `flink`, compiled against the jars of PyPI's package."""
    # The package asks for a build of a JSON library that has no wheel; only its jars are wanted.
    environment("flink", "--no-deps", "apache-flink-libraries")
    tool("javac", "openjdk-17-jdk-headless")
    jars = glob.glob(os.path.join(WORK, "env-flink", "lib", "python*", "site-packages", "pyflink", "lib", "*.jar"))
    if not jars:
        raise Wrong("the package holds no jars")
    classes, sources = os.path.join(WORK, "flink-classes"), glob.glob(os.path.join(HERE, "flink", "*.java"))
    made = os.path.join(classes, job + ".class")
    if not os.path.exists(made) or os.path.getmtime(made) < max(map(os.path.getmtime, sources)):
        os.makedirs(classes, exist_ok=True)
        subprocess.run(["javac", "-nowarn", "-cp", ":".join(jars), "-d", classes, *sources], check=True)
    opens = [f"--add-opens=java.base/{p}=ALL-UNNAMED" for p in ("java.util", "java.lang", "java.util.concurrent")]
    return ["java", "-Xmx4g", *opens, "-cp", ":".join([classes, *jars]), job, *map(str, arguments)]


def measure(jobs, runs):
    """Runs all jobs in turns, each in two sizes, and gives the lines of results."""
    costs = {id(job): ([], []) for job in jobs}
    starts, errors = {}, {}
    for turn in range(runs):
        for job in jobs:
            if id(job) in errors:
                continue
            note(f"{job.work}, {job.who}, run {turn + 1} of {runs} …")
            try:
                for units, into in zip((job.units // SHORT_PART, job.units), costs[id(job)]):
                    into.append(job.run(units))
                if turn == 0:
                    starts[id(job)] = job.start()
            except (Wrong, OSError, subprocess.CalledProcessError) as problem:
                errors[id(job)] = str(problem)
    return [line(job, *costs[id(job)], starts.get(id(job)), errors.get(id(job))) for job in jobs]


def line(job, short, long, start, error):
    result = {"kind": "peer", "work": job.work, "who": job.who, "isOurs": job.is_ours, "units": job.units}
    if job.goal is not None:
        result["goal"] = job.goal
    if error is not None:
        return {**result, "error": error}
    per_unit = sorted(cost.cpu * 1e9 / job.units for cost in long)
    few = job.units // SHORT_PART
    more = statistics.median(c.cpu for c in long) - statistics.median(c.cpu for c in short)
    result["cpuNanoseconds"] = [per_unit[0], statistics.median(per_unit), per_unit[-1]]
    # Where the two sizes cost the same, the difference says nothing.
    if more > 0:
        result["steadyNanoseconds"] = more * 1e9 / (job.units - few)
    result["wallSeconds"] = statistics.median(cost.wall for cost in long)
    result["startSeconds"] = start.wall
    result["peakBytes"] = int(statistics.median(cost.peak for cost in long))
    return result


def show(results, save):
    """Prints a table, and writes the lines where a file is named. True if all have figures."""
    works = list(dict.fromkeys(result["work"] for result in results))
    labels = [result["who"] if len(works) == 1 else f"{result['work']}, {result['who']}" for result in results]
    width = max(map(len, labels), default=0) + 4
    print(f"\n{works[0] if len(works) == 1 else '':<{width}}{'records':>8}{'whole':>9}{'more':>9}{'wall s':>8}{'start s':>9}"
          f"{'peak MiB':>10}{'Millrace is':>13}{'more':>8}")
    for work in works:
        group = [result for result in results if result["work"] == work]
        ours = next((result for result in group if result["isOurs"] and "cpuNanoseconds" in result), {})
        for result in group:
            label = f"  {labels[results.index(result)]}".ljust(width)
            if "error" in result:
                print(f"{label}NO FIGURE: {result['error']}")
                continue
            whole, more = result["cpuNanoseconds"][1], result.get("steadyNanoseconds")
            print(f"{label}{millions(result['units']):>8}{millions(1e9 / whole):>9}"
                  f"{millions(1e9 / more) if more else '–':>9}{result['wallSeconds']:>8.2f}{result['startSeconds']:>9.2f}"
                  f"{result['peakBytes'] / 2**20:>10.0f}{times(whole, ours.get('cpuNanoseconds', [0, 0])[1]):>13}"
                  f"{times(more, ours.get('steadyNanoseconds')):>8}")
    print("\nwhole: records per CPU-second of the process, start-up included; more: of a record more on a long stream")
    write(results, save)
    return not any("error" in result for result in results)


def write(results, path):
    """The lines of results as JSON, where a file is named."""
    if path:
        with open(path, "w") as file:
            file.writelines(json.dumps(result, ensure_ascii=False) + "\n" for result in results)


def point(chart, series, x, x_unit, y, y_unit):
    """A line of results for a point of a line in a chart."""
    return {"kind": "point", "chart": chart, "series": series, "x": x, "y": y, "xUnit": x_unit, "yUnit": y_unit}


def figure(area, name, value, unit, most=None, least=None):
    """A line of results for one figure, with the most or the least that it should be."""
    result = {"kind": "figure", "area": area, "name": name, "value": value, "unit": unit}
    if most is not None:
        return {**result, "goal": f"≤ {most:g} {unit}".strip(), "holds": value <= most}
    if least is not None:
        return {**result, "goal": f"≥ {least:g} {unit}".strip(), "holds": value >= least}
    return result


def millions(value):
    for size, unit in ((1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def times(theirs, ours):
    return f"{theirs / ours:.1f}×" if theirs and ours else "–"
