#!/usr/bin/env python3
"""Runs the conformance tests: `run.py [--quick] [NAME...]`, NAME being a module (find) or a test (find/wildcard).

Each module t_NAME.py holds functions test_*(env). One line a test: `ok conformance/NAME/TEST`, `FAIL ...` or
`skip ...: reason`; after each module the servers it used are stopped, and must exit 0 with nothing from a sanitizer.
A package that is not here (pydicom, pynetdicom ...) skips by name the tests that need it."""

import argparse
import ast
import importlib
import os
import shutil
import sys
import tempfile
import time
import traceback

FIRST = ("echo", "store", "find", "retrieve", "negotiate", "stow", "qido", "wado", "http", "cli")
LAST = ("corpus",)
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

from lib import fixtures  # noqa: E402


class Env:
    """What a test may use. Whatever it starts here is stopped when its module ends."""

    def __init__(self, folder, quick):
        self.folder, self.quick, self.started, self.shared = folder, quick, [], {}

    def keep(self, thing):
        self.started.append(thing)
        return thing

    def fresh(self, peers=(), **config):
        return self.keep(fixtures.Isocenter(self.folder, peers, **config))

    def tmp(self):
        return tempfile.mkdtemp(dir=self.folder)

    def once(self, key, make):
        """The value of make(), made at the first call of this module."""
        if key not in self.shared:
            self.shared[key] = make()
        return self.shared[key]

    @property
    def server(self):
        """The module's own server, with a storescp named STORESCP as its move destination."""
        if "server" in self.shared and not self.shared["server"].process.alive():
            del self.shared["server"]  # a test before this one killed it, and failed: the rest go on with another
        if "server" not in self.shared:
            self.storescp  # its port goes into the configuration
            self.shared["server"] = self.fresh(peers=[(self.storescp.aet, self.storescp.port)])
        return self.shared["server"]

    @property
    def storescp(self):
        return self.once("storescp", lambda: self.keep(fixtures.Storescp(self.folder)))

    def stop_all(self):
        problems = []
        for thing in reversed(self.started):
            try:
                thing.stop()
            except Exception as e:  # noqa: BLE001: all of them must be stopped
                problems.append(str(e))
        return problems


def test_names(path):
    with open(path) as f:
        return [n.name for n in ast.parse(f.read()).body if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")]


def wanted(module, test, picks):
    return not picks or module in picks or f"{module}/{test}" in picks


def run_module(module, picks, quick, keep):
    names = [n for n in test_names(os.path.join(HERE, f"t_{module}.py")) if wanted(module, n[5:], picks)]
    if not names:
        return
    try:
        code = importlib.import_module(f"t_{module}")
    except (ModuleNotFoundError, fixtures.Skip) as e:
        for n in names:
            print(f"skip conformance/{module}/{n[5:]}: {e}", flush=True)
        return
    folder = tempfile.mkdtemp(prefix=f"isocenter-{module}-")
    env = Env(folder, quick)
    failed = False
    for n in names:
        full, begin = f"conformance/{module}/{n[5:]}", time.monotonic()
        try:
            getattr(code, n)(env)
            print(f"ok {full} ({time.monotonic() - begin:.1f} s)", flush=True)
        except fixtures.Skip as e:
            print(f"skip {full}: {e}", flush=True)
        except Exception:  # noqa: BLE001: a failed test is a line, not the end
            failed = True
            print("    " + traceback.format_exc(limit=-4)[-4000:].replace("\n", "\n    "), flush=True)
            print(f"FAIL {full} ({time.monotonic() - begin:.1f} s)", flush=True)
    problems = env.stop_all()
    if env.started:
        for p in problems:
            print("    " + p.replace("\n", "\n    "))
        print(f"{'FAIL' if problems else 'ok'} conformance/{module}/servers-end-cleanly", flush=True)
    if keep or ((failed or problems) and os.environ.get("KEEP")):
        print(f"    kept: {folder}", flush=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="without the whole-corpus tests")
    parser.add_argument("--keep", action="store_true", help="keep the temporary folders")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    modules = {f[2:-3] for f in os.listdir(HERE) if f.startswith("t_") and f.endswith(".py")}
    modules = [m for m in FIRST if m in modules] + sorted(modules.difference(FIRST, LAST)) + [m for m in LAST if m in modules]
    unknown = [n for n in args.names if n.split("/")[0] not in modules]
    if unknown:
        parser.error(f"no such module: {' '.join(unknown)} (there are: {' '.join(modules)})")
    for module in modules:
        if not (args.quick and module == "corpus"):
            run_module(module, args.names, args.quick, args.keep)


if __name__ == "__main__":
    main()
