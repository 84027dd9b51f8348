"""A copy of the sources in which one mutant at a time is switched on, built, and set before the
programs that hunt it. The sources themselves are never touched.
"""

import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import mutant_table

MEMORY_BYTES = 4 << 30
OUTPUT_BYTES = 1 << 30
# A program may take this many times what it takes on sound code before it counts as hanging. Time
# of the processor is what mostly counts, because it does not depend on what else the machine does.
PATIENCE = 8
SHORTEST_LIMIT_SECONDS = 10
# A mutant may leave something unused, and nobody debugs it.
QUIET = "-w -g0"


class BuildError(Exception):
    """A mutant that the compiler refuses; its text is the compiler's."""


class Outcome:
    """How one program ended."""

    def __init__(self, failed, seconds, processor_seconds, output, manner):
        self.failed = failed
        self.seconds = seconds
        self.processor_seconds = processor_seconds
        self.output = output
        self.manner = manner  # "fails", "aborts" or "hangs"; "" when it passed


class Workshop:
    """One copy of the tree and its build. Not for several threads at once."""

    def __init__(self, root, folder):
        self.root = root
        self.tree = folder / "tree"
        # Where the release build stands in the sources, and with its flags: then the compiler's
        # cache knows every file without a mutant already.
        self.build = self.tree / "build" / "release"
        self.switch = folder / "switch"  # compiler arguments that every compilation reads
        self.scratch = folder / "scratch"
        self.limits = {}  # killer → seconds that it takes on sound code
        self.changed = None  # the file that differs from the sources

    def prepare(self):
        """Brings the copy up to date and configures it."""
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"],
                                cwd=self.root, stdout=subprocess.PIPE, text=True, check=True)
        names = {name for name in listed.stdout.split("\0")
                 if name and (self.root / name).is_file()}
        self.tree.mkdir(parents=True, exist_ok=True)
        for old in [p for p in self.tree.rglob("*") if p.is_file()]:
            name = old.relative_to(self.tree)
            if str(name) not in names and name.parts[0] != "build":
                old.unlink()
        for name in names:
            self._copy(name)
        self.switch.touch()
        self.switch.write_text("", encoding="utf-8")
        if not (self.build / "build.ninja").is_file():
            self._call(["cmake", "-G", "Ninja", "-S", self.tree, "-B", self.build,
                        "-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DMAINSTAY_BUILD_BENCH=OFF",
                        f"-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O2 -g -DNDEBUG @{self.switch}",
                        "-DCMAKE_EXE_LINKER_FLAGS=-Wl,--strip-debug"])

    def _copy(self, name):
        source, copy = self.root / name, self.tree / name
        if copy.is_file() and copy.read_bytes() == source.read_bytes():
            return
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
        shutil.copymode(source, copy)

    def _call(self, command):
        done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
        if done.returncode != 0:
            raise BuildError(done.stdout[-6000:])

    def make(self, killer, jobs=1):
        """Builds one killer with what the copy holds now. Raises BuildError."""
        self._call(["cmake", "--build", self.build, "-j", str(jobs), "--target", killer.target])

    def switch_on(self, mutant):
        """Puts one mutant in, and takes the last one out."""
        self.switch_off()
        path = self.tree / mutant.file
        path.write_text(mutant_table.apply(mutant, path.read_text(encoding="utf-8")),
                        encoding="utf-8")
        # Only what includes the file is compiled again, so only there the switch is on.
        self.switch.write_text(f"{QUIET} -D{mutant.switch}=1\n", encoding="utf-8")
        self.changed = mutant.file

    def switch_off(self):
        """Gives the copy its sound text again."""
        if self.changed is not None:
            self._copy(self.changed)
        self.switch.write_text("", encoding="utf-8")
        self.changed = None

    def measure(self, killer):
        """Runs a killer on sound code, where it must pass. Raises BuildError when it does not."""
        if killer.name in self.limits:
            return
        outcome = self.run(killer, 600)
        if outcome.failed:
            raise BuildError(f"{killer.name} fails without any mutant:\n{outcome.output[-6000:]}")
        self.limits[killer.name] = max(SHORTEST_LIMIT_SECONDS,
                                       PATIENCE * outcome.processor_seconds)

    def run(self, killer, limit=None):
        """Runs a killer; `limit` in seconds of the processor, of the clock ten times as much."""
        limit = limit or self.limits[killer.name]
        command = [word.replace("{bin}", str(self.build / "bin")) for word in killer.run]
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir(parents=True)
        environment = dict(os.environ, TMPDIR=str(self.scratch), **killer.environment)

        def confine():
            resource.setrlimit(resource.RLIMIT_CPU, (int(limit) + 1, int(limit) + 2))
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
            resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT_BYTES, OUTPUT_BYTES))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

        started = time.monotonic()
        with tempfile.TemporaryFile() as output:
            with subprocess.Popen(command, cwd=self.scratch, env=environment, stdout=output,
                                  stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                  preexec_fn=confine, start_new_session=True) as process:
                status, used = _wait(process, 10 * limit)
            seconds = time.monotonic() - started
            output.seek(0)
            text = output.read(OUTPUT_BYTES).decode("utf-8", "replace")
        shutil.rmtree(self.scratch, ignore_errors=True)
        return Outcome(status != 0, seconds, used, text, _manner(status))


def _wait(process, seconds):
    """Waits for a program, ends it when it takes too long; (status, seconds of the processor)."""
    alarm = threading.Timer(seconds, os.killpg, (process.pid, signal.SIGKILL))
    alarm.start()
    _, status, usage = os.wait4(process.pid, 0)
    alarm.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_utime + usage.ru_stime


def _manner(status):
    if status == 0:
        return ""
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        return "hangs"
    return "aborts" if status < 0 else "fails"


_FAILED = re.compile(r"^\[  FAILED  \] ([\w./]+\.[\w./]+)", re.MULTILINE)
_RUNNING = re.compile(r"^\[ RUN      \] (\S+)", re.MULTILINE)


def test_in(outcome):
    """The name of the test that failed or was running when the program ended; "" without one."""
    failed = _FAILED.search(outcome.output)
    if failed:
        return failed.group(1)
    running = _RUNNING.findall(outcome.output)
    return running[-1] if running else ""


def seed_in(killer, outcome):
    """The seed that replays the failure; "" when there is none."""
    found = re.search(killer.seed, outcome.output) if killer.seed else None
    return found.group(1) if found else ""
