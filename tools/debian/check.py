# SPDX-License-Identifier: MIT OR Apache-2.0
"""A script that the Debian guest and the host both run (tools/test-debian): what it prints must be the same, whichever version of
Python they have. So no sum() of floats, nothing that depends on the order of threads."""
import binascii
import decimal
import hashlib
import json
import math
import multiprocessing
import queue
import random
import re
import struct
import subprocess
import sys
import threading
import zlib


def threads():
    todo, done, total = queue.Queue(), queue.Queue(), [0]
    lock = threading.Lock()

    def work():
        while (n := todo.get()) is not None:
            with lock:
                total[0] += n
            done.put(n * n)

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for n in range(5000):
        todo.put(n)
    for _ in workers:
        todo.put(None)
    for worker in workers:
        worker.join()
    return total[0], sum(done.get() for _ in range(5000))


def children():
    found = []
    for n in range(20):
        child = subprocess.run([sys.executable, "-c", f"import sys; data = sys.stdin.read(); print(len(data) * {n}); sys.exit({n})"], input="x" * 50000,
                               stdout=subprocess.PIPE, text=True, check=False)
        found.append((child.returncode, int(child.stdout)))
    return found


def digest(n):
    return hashlib.sha256(b"%d" % n * 1000).hexdigest()[:8]


def pool():
    with multiprocessing.get_context("fork").Pool(4) as workers:
        return workers.map(digest, range(200))


def mathematics():
    functions = [math.sqrt, math.sin, math.cos, math.tan, math.exp, math.log1p, math.atan, math.sinh, math.erf, math.lgamma, math.cbrt if hasattr(math, "cbrt") else abs]
    values = []
    for f in functions[:-1]:
        for n in range(1, 200):
            values.append(f"{f(n / 17):.11e}")
    exact = [math.fmod(1e17, 7.25), math.ldexp(0.7, -1060), math.frexp(1e-320), math.remainder(10.5, 3), float.fromhex("0x1.8p-1074"), 1e308 * 10, -0.0, 5e-324 / 2]
    return hashlib.sha256("".join(values).encode()).hexdigest(), repr(exact)


def structures():
    packed = b"".join(struct.pack(order + "bBhHiIqQefd", -n, n, -n * 100, n * 200, -n << 20, n << 24, -n << 50, n << 56, n / 7, n / 3, n / 11)
                      for order in "<>" for n in range(1, 100))
    back = [struct.unpack_from(">ef", packed, len(packed) - 14), binascii.crc32(packed)]
    document = {"list": [n / 8 for n in range(1000)], "text": "".join(map(chr, range(32, 1500))), "deep": [[[[[{}]]]]], "big": 2 ** 70}
    again = json.loads(json.dumps(document))
    return back, again == document, zlib.crc32(json.dumps(document, sort_keys=True).encode())


def numbers():
    decimal.getcontext().prec = 60
    random.seed(20)
    big = pow(3, 10007, 2 ** 521 - 1)
    shuffled = list(range(1000))
    random.shuffle(shuffled)
    data = bytes(random.randrange(256) for _ in range(100000)) + b"again and " * 10000
    return (str(decimal.Decimal(2).sqrt()), hash(big), big % 10 ** 30, shuffled[:5], random.random(), random.gauss(0, 1).hex()[:12],
            zlib.decompress(zlib.compress(data, 9)) == data, zlib.adler32(data), math.factorial(2000) % (10 ** 99 + 7), len(str(7 ** 4000)))


def texts():
    words = re.findall(r"\b(\w)(\w*?)\1\b", " ".join(f"{n:b}x{n:o}" for n in range(3000)))
    return len(words), sorted({a + b for a, b in words})[:5], "".join(sorted("Grüße, Мир, 世界")), "ß".upper().encode("utf-16-le").hex()


for step in (threads, children, pool, mathematics, structures, numbers, texts):
    value = step()
    if step is pool:
        value = hashlib.md5("".join(value).encode()).hexdigest()
    print(step.__name__, value, flush=True)
