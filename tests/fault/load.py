"""Senders that go on until the server is gone: C-STORE over several associations, STOW-RS, import, removal, replacement."""

import io
import json
import os
import random
import shutil
import subprocess
import tempfile
import threading

import peer


class Load:
    def __init__(self, ledger, server, folder, replaces=False, pynetdicom=False, imports=False, rate=None):
        self.ledger, self.server, self.folder = ledger, server, folder
        self.replaces, self.imports = replaces, imports
        self.stopping = threading.Event()
        self.random = random.Random()
        self.refused = 0
        work = [self.c_store] * 3 + [self.stow, self.stow, self.change]
        if imports:
            work.append(self.run_imports)
        if pynetdicom:
            work.append(self.c_store_by_pynetdicom)
        self.threads = [threading.Thread(target=self.guarded, args=(w,), daemon=True) for w in work]
        self.failures = []

    def start(self):
        for t in self.threads:
            t.start()

    def join(self):
        self.stopping.set()
        for t in self.threads:
            t.join(90)
            if t.is_alive():
                self.failures.append("a sender still waits for its answer")
        self.ledger.settle()

    def guarded(self, work):
        try:
            work()
        except peer.Broken:
            pass  # the server is gone
        except Exception as e:  # noqa: BLE001: a sender that fails is a finding, not the end
            self.failures.append(f"{work.__name__}: {type(e).__name__}: {e}")

    def answered(self, o, status, stored):
        self.refused += not stored
        self.ledger.answered(o, status, stored)

    def c_store(self):
        a = peer.Association(self.server.port, [(peer.CT, peer.EXPLICIT_LE)])
        while not self.stopping.is_set():
            o, = self.ledger.fresh(1)
            data = self.ledger.sending(o)
            status = a.store(o.uid, data)
            self.answered(o, f"0x{status:04X}", status == 0)

    def c_store_by_pynetdicom(self):
        from pydicom import dcmread
        from pynetdicom import AE
        ae = AE(ae_title="PYNETDICOM")
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 20
        ae.add_requested_context(peer.CT, peer.EXPLICIT_LE)
        a = ae.associate("127.0.0.1", self.server.port, ae_title="ISOCENTER")
        try:
            while a.is_established and not self.stopping.is_set():
                o, = self.ledger.fresh(1)
                self.ledger.sending(o)
                answer = a.send_c_store(dcmread(io.BytesIO(o.file())))
                if "Status" not in answer:
                    return
                self.answered(o, f"0x{answer.Status:04X}", answer.Status == 0)
        except (RuntimeError, OSError, ValueError):
            return  # it is gone
        finally:
            a.abort()

    def stow(self):
        web = peer.Web(self.server.http)
        while not self.stopping.is_set():
            objects = self.ledger.fresh(self.random.choice((1, 3, 10)))
            for o in objects:
                self.ledger.sending(o)
            status, stored, _ = web.stow(objects)
            for o in objects:
                self.answered(o, status, o.uid in stored)

    def change(self):
        """Removes, or replaces, what has been acknowledged."""
        web = peer.Web(self.server.http)
        association = peer.Association(self.server.port, [(peer.CT, peer.EXPLICIT_LE)]) if self.replaces else None
        while not self.stopping.wait(0.01):
            o = self.ledger.claim(self.random)
            if o is None:
                continue
            if association and self.random.random() < 0.5:
                newer = peer.Object(o.number, o.version + 1)
                data = self.ledger.sending(newer)
                status = association.store(newer.uid, data)
                self.answered(newer, f"0x{status:04X}", status == 0)
            else:
                self.ledger.removing(o)
                status = web.remove(o)
                self.ledger.gone(o, status, status in (200, 204))

    def run_imports(self):
        """Files handed to the running server by `isocenter import`."""
        while not self.stopping.is_set() and self.server.alive():
            folder = tempfile.mkdtemp(dir=self.folder)
            objects = {os.path.join(folder, f"{o.number}.dcm"): o for o in self.ledger.fresh(20)}
            for path, o in objects.items():
                self.ledger.sending(o)
                with open(path, "wb") as f:
                    f.write(o.file())
            done = subprocess.run([self.server.binary, "import", "--data", self.server.data, "--json", folder],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60, check=False)
            try:
                files = json.loads(done.stdout)["files"]
            except (ValueError, KeyError):
                files = []
            said = {f["path"]: f["outcome"] for f in files}
            for path, o in objects.items():
                self.answered(o, said.get(path, "none"), said.get(path) in ("stored", "already"))
            shutil.rmtree(folder, ignore_errors=True)
