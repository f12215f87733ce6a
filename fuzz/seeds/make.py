"""Small files of the formats that the fixtures of the tests do not have: `python make.py GAUSSMETER`.

Written with Python 3.11, NumPy and Pillow; GAUSSMETER is the built command.
"""

import gzip
import io
import os
import signal
import struct
import subprocess
import sys
import tarfile
import time
import zipfile

import numpy as np
from PIL import Image

GAUSSMETER = os.path.abspath(sys.argv[1])
os.chdir(os.path.dirname(os.path.abspath(__file__)))
random = np.random.default_rng(0)


def write(target, name, data):
    os.makedirs(target, exist_ok=True)
    with open(os.path.join(target, name), "wb") as file:
        file.write(data)


def encoded(kind, mode="RGB", **options):
    shape = (4, 5) if mode == "L" else (4, 5, 4 if mode == "RGBA" else 3)
    pixels = random.integers(0, 256, shape).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels, mode).save(file, kind, **options)
    return file.getvalue()


pictures = {
    "rgb.png": encoded("PNG"),
    "rgba.png": encoded("PNG", "RGBA"),
    "grey.png": encoded("PNG", "L"),
    "rgb.jpg": encoded("JPEG"),
    "progressive.jpg": encoded("JPEG", progressive=True),
    "grey.jpg": encoded("JPEG", "L"),
    "rgb.gif": encoded("GIF"),
    "rgb.bmp": encoded("BMP"),
    "rgb.tiff": encoded("TIFF"),
    "lzw.tiff": encoded("TIFF", compression="tiff_lzw"),
    "rgb.webp": encoded("WEBP"),
    "lossless.webp": encoded("WEBP", lossless=True),
    "rgb.ppm": encoded("PPM"),
    "rgb.tga": encoded("TGA"),
}
for name, data in pictures.items():
    write("samples_picture", name, data)


def archive(members, form=tarfile.USTAR_FORMAT):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as tar:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return file.getvalue()


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


two = [(f"{k}.png", encoded("PNG")) for k in range(2)]
write("samples_tar", "pictures.tar", archive(two))
write("samples_tar", "webdataset.tar", archive([two[0], ("0.cls", b"3"), ("0.json", b"{}")]))
write("samples_tar", "pax.tar", archive([("long" * 40 + ".png", two[0][1])], tarfile.PAX_FORMAT))
write("samples_tar", "gnu.tar", archive([("long" * 40 + ".png", two[0][1])], tarfile.GNU_FORMAT))
write("samples_tar", "arrays.tar", archive([(f"{k}.npy", npy(random.normal(size=(2, 3)))) for k in range(2)]))
write("samples_tar", "pictures.tar.gz", gzip.compress(archive(two), mtime=0))


def zipped(members, method):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return file.getvalue()


labels = ("dataset.json", b'{"labels": [["00000/img00000000.png", 3]]}')
edm = [(f"00000/img{k:08}.png", data) for k, (_, data) in enumerate(two)] + [labels]
arrays = [(f"{k}.npy", npy(np.arange(6.0).reshape(2, 3) + k)) for k in range(2)]
write("samples_zip", "edm.zip", zipped(edm, zipfile.ZIP_STORED))
write("samples_zip", "deflated.zip", zipped(edm, zipfile.ZIP_DEFLATED))
write("samples_zip", "arrays.zip", zipped(arrays, zipfile.ZIP_DEFLATED))
write("samples_zip", "in.zip", zipped([("a.zip", zipped(arrays, zipfile.ZIP_STORED))], zipfile.ZIP_STORED))
write("samples_zip", "tar.zip", zipped([("a.tar", archive(two))], zipfile.ZIP_DEFLATED))
write("samples_arrow", "file.arrow", b"ARROW1\0\0")
write("samples_arrow", "stream.arrow", b"\xff\xff\xff\xff\x10\x01\x00\x00")
write("samples_idx", "images.idx", struct.pack(">4B3I", 0, 0, 8, 3, 2, 3, 3) + bytes(range(18)))
write("samples_idx", "floats.idx", struct.pack(">4B2I4f", 0, 0, 13, 2, 2, 2, 1, 2, 3, 4))
write("samples_cifar", "two.bin", b"".join(bytes([k]) + bytes([40 * k]) * 3072 for k in (1, 2)))
for name, text in {
    "list.txt": "3\n1\n0.5\n",
    "columns.csv": "eigenvalue,multiplicity,mean\n3,1,0\n1,2,0.5\n",
    "savetxt.txt": "# eigenvalue multiplicity\n1.000e+00 2.0\n",
    "row.txt": "14.6 1.2 0\n",
}.items():
    write("numbers_text", name, text.encode())
    write("samples_text", name, text.encode())
write("numbers_json", "list.json", b"[3, 1.0, 0.5e-1]")
write("numbers_json", "spectrum.json", b'{"schema": 1, "name": "x", "note": "y", "eigenvalue": [1, 0.5], "multiplicity": [1, 2], "mean": [0, 1]}')
write("numbers_python", "list.py", b"import torch\nsigmas = torch.tensor([14.6, 1.0,  # first\n  0.0])\ntimes = [0.9, 0.1]\n")
for name in ("eigenvalue", "float32"):
    values = np.array([1.0, 0.5], np.float32 if name == "float32" else np.float64)
    write("numbers_npy", f"{name}.npy", npy(values))
for name, save in (("stored", np.savez), ("compressed", np.savez_compressed)):
    file = io.BytesIO()
    save(file, eigenvalue=np.array([1.0, 0.5]), multiplicity=np.array([1, 2]), mean=np.zeros(2))
    write("numbers_npz", f"{name}.npz", file.getvalue())
for name, text in {
    "tensor": "timesteps: tensor([999, 850,\n        24], device='cuda:0')",
    "array": "[14.6 1.0 0. ]",
    "scalars": "[np.float64(14.6), np.float64(0.0)]",
    "tuple": "(999, 850, 24,)",
}.items():
    write("numbers_printed", name, text.encode())
write("times", "sigmas.txt", b"80\n10\n1\n0\n")
write("times", "times.py", b"times = [1.0, 0.5, 0.001]\n")
write("times", "sigmas.json", b'{"sigmas": [14.6, 1.0, 0.0]}')
write("custom_process", "levels.csv", b"t,alpha,sigma\n0,1,0\n0.5,0.8,0.6\n1,0,1\n")
write("custom_process", "levels.json", b'{"t": [0, 1, 2, 3], "alpha": [1, 1, 1, 1], "sigma": [0, 1, 4, 80]}')
for name, text in {
    "ddim": '{"_class_name": "DDIMScheduler", "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085, "num_train_timesteps": 20}',
    "euler": '{"_class_name": "EulerDiscreteScheduler", "prediction_type": "v_prediction", "timestep_spacing": "leading", "steps_offset": 1, "use_karras_sigmas": true, "num_train_timesteps": 20}',
    "flow": '{"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0, "use_dynamic_shifting": false, "num_train_timesteps": 1000}',
    "edm": '{"_class_name": "EDMEulerScheduler", "sigma_max": 80.0, "sigma_min": 0.002, "sigma_data": 0.5, "rho": 7.0}',
    "trained": '{"trained_betas": [0.1, 0.2, 0.3], "rescale_betas_zero_snr": true}',
}.items():
    write("scheduler_config", f"{name}.json", text.encode())
for name, text in {
    "rk4": 'order = 4\nc = [0, 0.5, 0.5, 1]\nA = [[], [0.5], [0, 0.5], [0, 0, 1]]\nb = ["1/6", "1/3", "1/3", "1/6"]\n',
    "midpoint": '{"order": 2, "c": [0, 0.5], "A": [[], [0.5]], "b": [0, 1]}',
}.items():
    write("butcher", name, text.encode())
for name, text in {
    "ddim": "(sigma_next / sigma) * x + (alpha_next - (sigma_next / sigma) * alpha) * denoiser(x)",
    "history": "x + h * (1.5 * velocity(x) - 0.5 * velocity(x, at_time(t / 2))) + expm1(-h) * normal()",
    "logic": "(1 < 2 and not(2 <= 1) or max(1, 3^2) == 9) * x + phi2(h) * noise(x, at_ratio(ratio))",
}.items():
    write("expression", name, text.encode())
for k, text in enumerate(
    [
        "em,edm:s_churn=4,s_noise=1,heun",
        "dpmpp-2m:variant=diffusers",
        "vp-linear:beta_min=0.1,beta_max=20",
        "karras:rho=7,sigma_min=0.002",
        "power-law:d=16,alpha=1.5",
        "mixture:w2=1,kl_forward=0.1",
        "normal:std=80",
        "vp-discrete:schedule=linear,steps=10",
    ]
):
    write("specs", str(k), text.encode())

np.save("x.npy", random.normal(size=(6, 3)))
run = lambda *arguments: subprocess.run([GAUSSMETER, *arguments], check=True, stderr=subprocess.DEVNULL)
for folder in ("parts", "model", "plan"):
    os.makedirs(folder, exist_ok=True)
run("spectrum", "x.npy", "--part", "1/2", "-o", "parts/part.npz")
run("spectrum", "x.npy", "-o", "model/spectrum.npz")
run("spectrum", "x.npy", "--basis", "-o", "model/basis.npz")
os.remove("x.npy")

# Networks, and a training that src/training.rs goes on with.
os.makedirs("network", exist_ok=True)
small = ["train", "--texture", "power-law-field:size=4", "--width", "4", "--batch", "2", "--held-out", "2"]
run(*small, "--steps", "1", "-o", "network/unet")
run("train", "network/unet.texture.npz", "--network", "linear", "--levels", "0.1,1", "--steps", "1", "-o", "network/linear")
training = subprocess.Popen([GAUSSMETER, *small, "--steps", str(1 << 30), "--save-every", "1", "-o", "network/begun"], stderr=subprocess.DEVNULL)
while not os.path.exists("network/begun.checkpoint.safetensors"):
    time.sleep(0.01)
training.send_signal(signal.SIGINT)
training.wait()
for name in os.listdir("network"):
    if not name.endswith(".safetensors"):
        os.remove(f"network/{name}")

with open("plan/recorded.json", "wb") as file:
    file.write(subprocess.run([GAUSSMETER, "show", "dpmpp-2m", "--steps", "3", "--format", "json"], check=True, capture_output=True).stdout)
