"""The published table's 192 cells by the paper's formulas in vectorised NumPy: the yardstick for
`cargo bench -p gaussmeter --bench exact`. Usage: python table_numpy.py [eigenvalues.npy]"""

import sys
import time

import numpy as np

lam = np.load(sys.argv[1]).astype(float) if len(sys.argv) > 1 else 20.0 * np.arange(1, 3073) ** -1.6
lam = np.maximum(lam, 0.0)
beta = lambda t: 0.05 + 9.95 * t
B = lambda t: 0.05 * t + 9.95 * t * t / 2
var = lambda t: lam * np.exp(-2 * B(t)) - np.expm1(-2 * B(t))


def step(scheme, v, t, t1):
    dt, b, l = t - t1, beta(t), var(t)
    if scheme == "em":
        return (1 + dt * b * (1 - 2 / l)) ** 2 * v + 2 * dt * b
    if scheme == "ei":
        g = np.expm1(B(t) - B(t1))
        return (1 + g * (1 - 2 / l)) ** 2 * v + np.expm1(2 * (B(t) - B(t1)))
    if scheme == "ddpm":
        bd = 2 * dt * b
        return ((1 - bd / l) / np.sqrt(1 - bd)) ** 2 * v + bd
    c = b * (1 - 1 / l)
    if scheme == "euler":
        return (1 + dt * c) ** 2 * v
    c1 = beta(t1) * (1 - 1 / var(t1))
    if scheme == "heun":
        return (1 + dt / 2 * c + dt / 2 * c1 * (1 + dt * c)) ** 2 * v
    th = (t + t1) / 2
    ch = beta(th) * (1 - 1 / var(th))
    k2 = ch * (1 + dt / 2 * c)
    k3 = ch * (1 + dt / 2 * k2)
    return (1 + dt / 6 * (c + 2 * k2 + 2 * k3 + c1 * (1 + dt * k3))) ** 2 * v


def table():
    cells = 0
    for scheme in ("em", "ei", "ddpm", "euler", "heun", "rk4"):
        for eps in (0.0, 1e-5, 1e-4, 1e-3):
            for column in (50, 250, 500, 1000):
                n = (column // 4 if scheme == "rk4" else column) - 1
                times = np.linspace(1, eps, n + 1)
                # Both initial laws at once, as two rows.
                v = np.stack([var(1.0), np.ones_like(lam)])
                for t, t1 in zip(times[:-1], times[1:]):
                    v = step(scheme, v, t, t1)
                w2 = np.sqrt(((np.sqrt(v) - np.sqrt(lam)) ** 2).sum(1))
                cells += len(w2)
    return cells


with np.errstate(all="ignore"):
    best = min((lambda s: (table(), time.perf_counter() - s)[1])(time.perf_counter()) for _ in range(3))
print(f"192 cells on {len(lam)} modes: {best:.2f} s (NumPy {np.__version__})")
