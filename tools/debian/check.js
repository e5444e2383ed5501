// SPDX-License-Identifier: MIT OR Apache-2.0
// A program for Node in the Debian guest (tools/test-debian knows what it prints): hot loops that V8 compiles, code that it throws away
// again, WebAssembly, workers that share memory, garbage.
'use strict';
const { Worker, isMainThread, workerData, parentPort } = require('worker_threads');
const crypto = require('crypto');

function primes(limit) {
  const composite = new Uint8Array(limit + 1);
  let count = 0;
  for (let n = 2; n <= limit; n++) {
    if (composite[n]) continue;
    count++;
    for (let k = n * n; k <= limit; k += n) composite[k] = 1;
  }
  return count;
}

function planets(steps) {
  const bodies = [];
  for (let i = 0; i < 5; i++) bodies.push({ x: i * 1.5 - 3, y: (i * i) % 3 - 1, z: i / 4, u: 0, v: 0, w: 0, m: 1 + i / 3 });
  for (let s = 0; s < steps; s++) {
    for (const a of bodies)
      for (const b of bodies) {
        if (a === b) continue;
        const dx = b.x - a.x, dy = b.y - a.y, dz = b.z - a.z;
        const d = Math.sqrt(dx * dx + dy * dy + dz * dz + 0.5);
        const f = (b.m * 0.001) / (d * d * d);
        a.u += dx * f;
        a.v += dy * f;
        a.w += dz * f;
      }
    for (const a of bodies) {
      a.x += a.u * 0.001;
      a.y += a.v * 0.001;
      a.z += a.w * 0.001;
    }
  }
  return bodies.map((b) => b.x + b.y + b.z).join(' ');
}

// The types change on the way, so that compiled code is thrown away and made anew.
function change(n) {
  const add = (a, b) => a + b;
  let total = 0, text = '';
  for (let i = 0; i < n; i++) total = add(total, i);
  for (let i = 0; i < n; i++) total = add(total, 0.25);
  for (let i = 0; i < 1000; i++) text = add(text, String(i % 7));
  for (let i = 0; i < n; i++) total = add(total, i & 1);
  return total + ':' + text.length;
}

function garbage(n) {
  let kept = new Map(), sum = 0;
  for (let i = 0; i < n; i++) {
    kept.set('key' + (i % 5000), { i, list: [i, i + 1, { deep: String(i) }] });
    if (i % 20000 === 0) sum += [...kept.values()].reduce((s, v) => s + v.list[1] + v.list[2].deep.length, 0);
  }
  return sum;
}

function big(n) {
  let f = 1n;
  for (let i = 2n; i <= n; i++) f *= i;
  return crypto.createHash('sha256').update(f.toString()).digest('hex').slice(0, 16);
}

// (func (param i32) (result i64): sum of i * i ^ (i << 3) for i below the argument
function wasm() {
  const code = [0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 127, 1, 126, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 48, 1, 46, 2, 1, 127, 1, 126,
    3, 64, 32, 1, 32, 0, 78, 69, 4, 64, 32, 2, 32, 1, 172, 32, 1, 172, 126, 32, 1, 172, 66, 3, 134, 133, 124, 33, 2, 32, 1, 65, 1, 106, 33, 1, 12, 1, 11, 11,
    32, 2, 11];
  const at = code.indexOf(48);
  code[at + 2] = code.length - at - 3;
  code[at] = code.length - at - 1;
  const { f } = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(code))).exports;
  let last;
  for (let i = 0; i < 20; i++) last = f(100000 + i);
  return String(last);
}

function workers(count, rounds) {
  const memory = new SharedArrayBuffer(64);
  const cells = new Int32Array(memory);
  const all = [];
  for (let i = 0; i < count; i++)
    all.push(new Promise((done, fail) => {
      const w = new Worker(__filename, { workerData: { memory, rounds, i } });
      w.on('message', done);
      w.on('error', fail);
    }));
  return Promise.all(all).then((said) => `${cells[0]} ${cells[1]} ${said.sort().join()}`);
}

function work({ memory, rounds, i }) {
  const cells = new Int32Array(memory);
  for (let n = 0; n < rounds; n++) {
    Atomics.add(cells, 0, 1);
    for (;;) { // a lock
      if (Atomics.compareExchange(cells, 2, 0, 1) === 0) break;
      Atomics.wait(cells, 2, 1, 10);
    }
    cells[1] += 2;
    Atomics.store(cells, 2, 0);
    Atomics.notify(cells, 2, 1);
  }
  parentPort.postMessage(i + ':' + primes(10000 + i));
}

if (isMainThread) {
  console.log('primes', primes(2000000));
  console.log('planets', planets(20000));
  console.log('change', change(300000));
  console.log('garbage', garbage(200000));
  console.log('big', big(3000n));
  console.log('wasm', wasm());
  console.log('text', JSON.stringify([..."a1b22c333".matchAll(/([a-z])(\d+)/g)].map((m) => m[2] * 2)), [5, 1, 4].sort().toString(), 0.1 + 0.2, 1e21, -1 >>> 28);
  workers(4, 20000).then((said) => console.log('workers', said));
} else {
  work(workerData);
}
