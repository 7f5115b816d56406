"""Time, memory and size of compressing and decompressing: whole programs, file to file, on one processor; ours and others by turns."""

import json
import os
import re
import shutil
import statistics
import struct
import subprocess
import threading
import time

import numpy
import pydicom

from lib import fixtures, objects, pixels, samples
from lib.fixtures import BINARY

BENCH = os.path.join(os.path.dirname(BINARY), "tests", "bench", "codec_bench")
CPU = max(os.sched_getaffinity(0))
LE = "explicit-le"
SYNTAXES = {  # name: (UID, subjects)
    "rle": ("1.2.840.10008.1.2.5", ("ct", "rgb")), "jpeg": ("1.2.840.10008.1.2.4.50", ("grey", "rgb")),
    "jpeg12": ("1.2.840.10008.1.2.4.51", ("ct12",)), "jpeg-lossless-14": ("1.2.840.10008.1.2.4.57", ("ct",)),
    "jpeg-lossless": ("1.2.840.10008.1.2.4.70", ("ct", "rgb")), "jpegls": ("1.2.840.10008.1.2.4.80", ("ct", "rgb")),
    "jpegls-near": ("1.2.840.10008.1.2.4.81", ("ct12",)), "j2k": ("1.2.840.10008.1.2.4.90", ("ct", "rgb")),
    "j2k-lossy": ("1.2.840.10008.1.2.4.91", ("ct12",)), "htj2k": ("1.2.840.10008.1.2.4.201", ("ct", "rgb")),
    "htj2k-rpcl": ("1.2.840.10008.1.2.4.202", ("ct",)), "jxl": ("1.2.840.10008.1.2.4.110", ("ct", "rgb")),
    "deflated": ("1.2.840.10008.1.2.1.99", ("ct",)),
}
NAMES = {"ct": "CT 16 bit", "ct12": "CT 12 bit", "grey": "grey 8 bit", "rgb": "RGB"}
# GDCM writes several frames only into objects of a class that has several: grey of 1 and 2 bytes, colour
MULTI_FRAME = {1: "1.2.840.10008.5.1.4.1.1.7.2", 2: "1.2.840.10008.5.1.4.1.1.7.3", 3: "1.2.840.10008.5.1.4.1.1.7.4"}
GDCM_RAW = ("gdcmconv", "--raw", "{in}", "{out}")
DCMJPEG, DCMJPLS = ("dcmdjpeg", "+cn", "+px", "{in}", "{out}"), ("dcmdjpls", "+px", "{in}", "{out}")
PEERS = {  # (syntax, decode?): the commands that do the same
    ("rle", True): [("dcmdrle", "{in}", "{out}"), GDCM_RAW], ("rle", False): [("dcmcrle", "{in}", "{out}"), ("gdcmconv", "--rle", "{in}", "{out}")],
    ("jpeg", True): [DCMJPEG, GDCM_RAW],
    ("jpeg", False): [("dcmcjpeg", "+eb", "+q", "90", "+un", "{in}", "{out}"), ("gdcmconv", "--jpeg", "--lossy", "-q", "90", "{in}", "{out}")],
    ("jpeg12", True): [DCMJPEG, GDCM_RAW], ("jpeg12", False): [("dcmcjpeg", "+ee", "+q", "90", "+un", "{in}", "{out}")],
    ("jpeg-lossless-14", True): [DCMJPEG, GDCM_RAW], ("jpeg-lossless-14", False): [("dcmcjpeg", "+el", "+un", "{in}", "{out}")],
    ("jpeg-lossless", True): [DCMJPEG, GDCM_RAW],
    ("jpeg-lossless", False): [("dcmcjpeg", "+e1", "+un", "{in}", "{out}"), ("gdcmconv", "--jpeg", "{in}", "{out}")],
    ("jpegls", True): [DCMJPLS, GDCM_RAW], ("jpegls", False): [("dcmcjpls", "+el", "+un", "{in}", "{out}"), ("gdcmconv", "--jpegls", "{in}", "{out}")],
    ("jpegls-near", True): [DCMJPLS, GDCM_RAW], ("jpegls-near", False): [("dcmcjpls", "+en", "+un", "{in}", "{out}")],
    ("j2k", True): [("opj_decompress",), GDCM_RAW], ("j2k", False): [("opj_compress",), ("gdcmconv", "--j2k", "{in}", "{out}")],
    ("j2k-lossy", True): [("opj_decompress",), GDCM_RAW], ("htj2k", True): [("opj_decompress",)], ("htj2k-rpcl", True): [("opj_decompress",)],
    ("jxl", True): [("djxl",)], ("jxl", False): [("cjxl",)],
    ("deflated", True): [("dcmconv", "+te", "{in}", "{out}")], ("deflated", False): [("dcmconv", "+td", "{in}", "{out}")],
}


# ---- images ------------------------------------------------------------------------------------

def series(name):
    """The slices of a series of the samples, in order of position or instance number."""
    folder = samples.path("volume-series/" + name)
    files = [pydicom.dcmread(os.path.join(folder, f)) for f in sorted(os.listdir(folder)) if f.endswith(".dcm")]
    return sorted(files, key=lambda ds: int(ds.get("InstanceNumber") or 0))


def multi_frame(path, frames, like, **attributes):
    """One object of these frames (arrays of one shape and type), described as `like`."""
    first = frames[0]
    copied = {k: like[k].value for k in ("BitsStored", "HighBit", "PixelRepresentation", "RescaleSlope", "RescaleIntercept") if k in like}
    copied.update(rows=first.shape[0], columns=first.shape[1], BitsAllocated=first.dtype.itemsize * 8, NumberOfFrames=str(len(frames)),
                  sop_class=MULTI_FRAME[first.dtype.itemsize if first.ndim == 2 else 3], PixelData=b"".join(f.tobytes() for f in frames))
    if first.ndim == 3:
        copied.update(SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0)
    copied.update(attributes)
    objects.make(path, **copied)
    return path


def array(ds):
    return numpy.frombuffer(ds.PixelData, numpy.dtype("<i2" if ds.PixelRepresentation else "<u2"))[:ds.Rows * ds.Columns].reshape(ds.Rows, ds.Columns)


def subjects(folder, count):
    """{name: (object of many frames, object of one)}, the frames all different."""
    head, phantom = series("ct-head-gantry-tilt-28")[:count], series("ct-phantom-28")[:count]
    eight = dict(BitsStored=8, HighBit=7, PixelRepresentation=0)
    grey = [windowed(d) for d in head]
    colour = [numpy.stack([numpy.minimum(255, g.astype(int) * 2), g, 255 - g], axis=-1).astype(numpy.uint8) for g in grey]
    every = {"ct": ([array(d) for d in head], head[0], {}), "ct12": ([array(d) for d in phantom], phantom[0], {}),
             "grey": (grey, head[0], eight), "rgb": (colour, head[0], eight)}
    out = {}
    for name, (frames, like, attributes) in every.items():
        out[name] = tuple(multi_frame(os.path.join(folder, f"{name}-{n}.dcm"), frames[:n], like, **attributes) for n in (len(frames), 1))
    return out, len(head)


def windowed(ds):
    """8 bits of a CT slice: -160 to 240 HU."""
    hu = array(ds).astype(float) * float(ds.get("RescaleSlope", 1)) + float(ds.get("RescaleIntercept", 0))
    return numpy.clip((hu + 160) * (255 / 400), 0, 255).astype(numpy.uint8)


# ---- one run of a program ----------------------------------------------------------------------

class Run:
    """Seconds by the clock and of processor, and the highest memory, of a program and all below it."""

    def __init__(self, command, pinned=True, cwd=None):
        self.cpu_below, self.memory = {}, {}
        command = [str(c) for c in command]
        if pinned:
            command = ["taskset", "-c", str(CPU)] + command
        begin = time.monotonic()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=cwd)
        watcher = threading.Thread(target=self.watch, args=(child.pid,), daemon=True)
        self.ended = False
        watcher.start()
        _, status, usage = os.wait4(child.pid, 0)
        self.wall = time.monotonic() - begin
        self.ended, child.returncode = True, os.waitstatus_to_exitcode(status)
        watcher.join()
        self.cpu = usage.ru_utime + usage.ru_stime + sum(self.cpu_below.values())
        self.code = child.returncode
        self.main_mib = self.memory.pop(child.pid, 0) / 1024
        self.worker_mib = max(self.memory.values(), default=0) / 1024

    def watch(self, pid):
        """Workers are nobody's children when they end, so that nobody is told what they took: look while they live."""
        while not self.ended:
            for p, depth in below(pid):
                try:
                    with open(f"/proc/{p}/status") as f:
                        high = re.search(r"VmHWM:\s+(\d+)", f.read())
                    self.memory[p] = int(high.group(1)) if high else self.memory.get(p, 0)
                    if depth >= 2:
                        with open(f"/proc/{p}/schedstat") as f:
                            self.cpu_below[p] = int(f.read().split()[0]) / 1e9
                except (OSError, ValueError):
                    pass
            time.sleep(0.004)


def below(pid, depth=0):
    out = [(pid, depth)]
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as f:
                for child in f.read().split():
                    out += below(int(child), depth + 1)
    except OSError:
        pass
    return out


class Program:
    """One way to turn the object of many frames, and that of one, into another syntax: time of a frame is the difference."""

    def __init__(self, name, commands, frames, clean, pinned=True):
        self.name, self.commands, self.frames, self.clean, self.pinned, self.samples = name, commands, frames, clean, pinned, []

    def turn(self):
        runs = []
        for command in self.commands:  # many, then one (or, in loops, many of next to nothing)
            self.clean()
            runs.append(Run(command, self.pinned))
            if runs[-1].code != 0:
                self.samples = None
                return
        self.samples.append(runs)

    def result(self):
        """(ms by the clock, ms of processor) a frame; None when it cannot do it."""
        if not self.samples:
            return None
        each = [((a.wall - b.wall) * 1000 / self.frames, (a.cpu - b.cpu) * 1000 / self.frames) for a, b in self.samples]
        return tuple(max(0.0, statistics.median(e[i] for e in each)) for i in (0, 1))

    def memory(self):
        runs = [r for pair in self.samples or [] for r in pair]
        return max((r.main_mib for r in runs), default=0), max((r.worker_mib for r in runs), default=0)


def remover(*paths):
    def clean():
        for p in paths:
            if os.path.isdir(p):
                shutil.rmtree(p)
                os.mkdir(p)
            elif os.path.exists(p):
                os.remove(p)
    return clean


def ours(source, to, folder, frames, jobs=1):
    out = os.path.join(folder, f"ours-{jobs}.dcm")
    commands = [[BINARY, "transcode", "--no-verify", "--jobs", jobs, "--to", to, "--output", out, s] for s in source]
    return Program("Isocenter", commands, frames - 1, remover(out), pinned=jobs == 1)


def others(name, decode, source, folder, frames, subject):
    out = []
    for template in PEERS.get((name, decode), ()):
        tool = shutil.which(template[0])
        if not tool:
            continue
        if len(template) == 1:
            out.append(by_frames(template[0], source, folder, frames, subject))
            continue
        to = os.path.join(folder, template[0] + ".dcm")
        commands = [[tool] + [t.format(**{"in": s, "out": to}) for t in template[1:]] for s in source]
        out.append(Program(template[0], commands, frames - 1, remover(to)))
    return out


def frames_of(path):
    ds = pydicom.dcmread(path)
    count = int(ds.get("NumberOfFrames", 1))
    if str(ds.file_meta.TransferSyntaxUID) not in pixels.NATIVE:
        return list(pydicom.encaps.generate_frames(ds.PixelData, number_of_frames=count))
    size = len(ds.PixelData) // count
    return [pnm(ds.PixelData[i * size:(i + 1) * size], ds) for i in range(count)]


def pnm(data, ds):
    head = f"P{6 if ds.SamplesPerPixel == 3 else 5}\n{ds.Columns} {ds.Rows}\n{255 if ds.BitsAllocated == 8 else 65535}\n".encode()
    if ds.BitsAllocated == 16:
        values = numpy.frombuffer(data, "<u2")
        data = (values ^ 0x8000 if ds.PixelRepresentation else values).astype(">u2").tobytes()
    return head + data


def by_frames(tool, source, folder, frames, subject):
    """Programs that know no DICOM: a folder of frames at once, or a process a frame less as many of an image of 8 x 8."""
    decode, path = tool in ("opj_decompress", "djxl"), shutil.which(tool)
    kind = "pnm" if not decode else "j2k" if tool.startswith("opj") else "jxl"
    kind = ("ppm" if subject == "rgb" else "pgm") if kind == "pnm" else kind
    folders = [os.path.join(folder, f"{tool}-{n}") for n in ("many", "one")]
    written = {"opj_decompress": ".raw", "opj_compress": ".j2k", "djxl": ".ppm" if subject == "rgb" else ".pgm", "cjxl": ".out.jxl"}[tool]
    for f, s in zip(folders, source):
        shutil.rmtree(f, ignore_errors=True)
        os.mkdir(f)
        for i, data in enumerate(frames_of(s)):
            with open(os.path.join(f, f"{i:03}.{kind}"), "wb") as out:
                out.write(data)

    def clean():
        for f in folders:
            for name in os.listdir(f):
                if name.endswith((written, ".jxl.pgm")):
                    os.remove(os.path.join(f, name))

    if tool == "opj_decompress":
        return Program(tool, [[path, "-ImgDir", f, "-OutFor", "RAW"] for f in folders], frames - 1, clean)
    if tool == "opj_compress":
        return Program(tool, [[path, "-ImgDir", f, "-OutFor", "J2K"] for f in folders], frames - 1, clean)
    tiny = os.path.join(folders[1], "tiny.pgm")
    with open(tiny, "wb") as out:
        out.write(b"P5\n8 8\n255\n" + bytes(64))
    if decode:
        subprocess.run([shutil.which("cjxl"), tiny, tiny[:-4] + ".jxl", "-d", "0", "--quiet"], check=True, stderr=subprocess.DEVNULL)
        tiny = tiny[:-4] + ".jxl"
    options = "--num_threads=0 --quiet" + (" -d 0 -e 3" if not decode else "")
    each = [f"{path} \"$f\" \"$f{end}\" {options}" for end in (written, ".pgm" if decode else written)]
    loops = [["sh", "-c", f"for f in {folders[0]}/*.{kind}; do {each[0]} || exit 1; done"],
             ["sh", "-c", f"f={tiny}; for i in {' '.join(map(str, range(frames)))}; do {each[1]} || exit 1; done"]]
    return Program(tool, loops, frames, clean)


# ---- tables ------------------------------------------------------------------------------------

def make(to, source, path):
    fixtures.run(BINARY, "transcode", "--no-verify", "--to", to, "--output", path, source, timeout=300)
    return path


def figures(folder, count, repeats, every=None):
    """[(syntax, subject, decode?, [programs: ours, then others], ours on all processors)]"""
    images, frames = subjects(folder, count)
    out = []
    for name, (_, kinds) in SYNTAXES.items():
        for kind in kinds if every is None else kinds[:every]:
            coded = tuple(make(name, s, os.path.join(folder, f"{name}-{kind}-{i}.dcm")) for i, s in enumerate(images[kind]))
            for decode in (True, False):
                source, to = (coded, LE) if decode else (images[kind], name)
                one = ours(source, to, folder, frames)
                all_cores = ours(source, to, folder, frames, len(os.sched_getaffinity(0)))
                programs = [one] + others(name, decode, source, folder, frames, kind)
                for _ in range(repeats):
                    for p in programs + [all_cores]:
                        if p.samples is not None:
                            p.turn()
                out.append((name, kind, decode, programs, all_cores))
                print(f"  {name} {kind} {'decode' if decode else 'encode'}: "
                      + ", ".join(f"{p.name} {p.result()[0]:.2f}" if p.result() else f"{p.name} cannot" for p in programs), flush=True)
            for c in coded:
                os.remove(c)
    return out


def ms(value):
    return "—" if value is None else f"{value:.1f}" if value >= 9.95 else f"{value:.2f}"


def speed_table(rows):
    out = ["| transfer syntax | image | | Isocenter | CPU | all cores | beside | ms | CPU | times as fast |", "|---|---|---|---:|---:|---:|---|---:|---:|---:|"]
    for name, kind, decode, programs, all_cores in rows:
        mine, most = programs[0].result(), all_cores.result()
        theirs = [(p, p.result()) for p in programs[1:]]
        cells = [" / ".join(p.name for p, r in theirs if r) or "—", " / ".join(ms(r[0]) for _, r in theirs if r) or "—",
                 " / ".join(ms(r[1]) for _, r in theirs if r) or "—",
                 " / ".join(f"{r[1] / mine[1]:.1f}" if mine and mine[1] > 0 else "—" for _, r in theirs if r) or "—"]
        cells = [ms(mine and mine[0]), ms(mine and mine[1]), ms(most and most[0])] + cells
        out.append(f"| `{short(SYNTAXES[name][0])}` {name} | {NAMES[kind]} | {'decode' if decode else 'encode'} | {' | '.join(cells)} |")
    return "\n".join(out)


def short(uid):
    return uid.replace("1.2.840.10008.1.2", "") or uid


def best_of(rows, uid):
    """{decode?: (ours, ms of processor, [(peer, ms)], MiB main, MiB worker)} of the first subject of a syntax."""
    out = {}
    for name, _, decode, programs, _ in rows:
        if SYNTAXES[name][0] == uid and decode not in out and programs[0].result():
            out[decode] = (programs[0].result()[1], [(p.name, p.result()[1]) for p in programs[1:] if p.result()], *programs[0].memory())
    return out


RATIO = ("rle", "jpeg-lossless", "jpegls", "j2k", "htj2k", "htj2k-rpcl", "jxl", "deflated")
RATIO_SERIES = (("CT head, 512 × 512, 16 bit", "ct-head-gantry-tilt-28"), ("CT phantom, 512 × 512, 12 bit", "ct-phantom-28"),
                ("MR ADC, 256 × 256, 16 bit", "mr-adc-20"), ("fMRI, 64 × 64, 16 bit", "mr-fmri-4d"),
                ("colour cine, 256 × 192, RGB", None))


def ratio_table(folder, repeats, limit):
    out = ["| series | frames | " + " | ".join(f"`{short(SYNTAXES[n][0])}`" for n in RATIO) + " |", "|---|---:|" + "---:|" * len(RATIO)]
    for title, name in RATIO_SERIES:
        if name:
            slices = series(name)[:limit]
            slices = [d for d in slices if (d.Rows, d.Columns) == (slices[0].Rows, slices[0].Columns)]
            many = multi_frame(os.path.join(folder, "ratio.dcm"), [array(d) for d in slices], slices[0])
            one = multi_frame(os.path.join(folder, "ratio-1.dcm"), [array(slices[0])], slices[0])
            count = len(slices)
        else:
            ds = pydicom.dcmread(samples.path("modalities/us/syn-us-cine-rgb.dcm"))
            frames = numpy.frombuffer(ds.PixelData, numpy.uint8).reshape(-1, ds.Rows, ds.Columns, 3)
            many, count = multi_frame(os.path.join(folder, "ratio.dcm"), list(frames), ds), len(frames)
            one = multi_frame(os.path.join(folder, "ratio-1.dcm"), [frames[0]], ds)
        cells = []
        for syntax in RATIO:
            coded = tuple(os.path.join(folder, f"ratio-{syntax}-{i}.dcm") for i in (0, 1))
            _, text = fixtures.run(BINARY, "transcode", "--no-verify", "--json", "--to", syntax, "--output", coded[0], many)
            report = json.loads(text[text.index("{"):text.rindex("}") + 1])["files"][0]
            make(syntax, one, coded[1])
            ratio = os.path.getsize(many) / os.path.getsize(coded[0]) if syntax == "deflated" else report["pixel_bytes_from"] / report["pixel_bytes_to"]
            encode, decode = ours((many, one), syntax, folder, count), ours(coded, LE, folder, count)
            for _ in range(repeats):
                encode.turn()
                decode.turn()
            cells.append(f"{ratio:.2f} : 1; {ms(encode.result()[1])}, {ms(decode.result()[1])}")
            for c in coded:
                os.remove(c)
        out.append(f"| {title} | {count} | " + " | ".join(cells) + " |")
        print(f"  {title}", flush=True)
    return "\n".join(out)


def sandbox_table(folder, seconds):
    """Within the process and in a worker, by codec_bench."""
    images, _ = subjects(folder, 1)
    out = ["| 512 × 512, 16 bit | | here, ms | worker, ms | more |", "|---|---|---:|---:|---:|"]
    for syntax in ("rle", "jpeg-lossless", "jpegls", "j2k", "htj2k", "jxl"):
        path = make(syntax, images["ct"][1], os.path.join(folder, f"sandbox-{syntax}.dcm"))
        code, text = fixtures.run(BENCH, "-s", seconds, path, check=False)
        for what, here, worker in re.findall(r"^\S+\s+(decode|encode)\s.*?best\s+([\d.]+)\s+([\d.]+)", text, re.M):
            more = (float(worker) / float(here) - 1) * 100
            out.append(f"| `{short(SYNTAXES[syntax][0])}` {syntax} | {what} | {float(here):.2f} | {float(worker):.2f} | {more:+.1f} % |")
        if code != 0:
            out.append(f"| {syntax} | {text.strip().splitlines()[-1][:100]} | | | |")
    return "\n".join(out)
