"""Exact sums over 8-bit samples on the device where they are.

A spectrum of images that are already on a GPU needs one product of matrices per batch there.
:class:`Moments` takes it in a way that is exact: pixels minus 128 are products of at most 2^14, and
float32 adds 1024 of them without rounding (TF32 and bfloat16 inputs hold pixels exactly, too);
blocks are added up as 64-bit integers. The result is the same, to the last bit, as that of
:class:`gaussmeter.Moments`.

Examples
--------
>>> import torch  # doctest: +SKIP
>>> import gaussmeter as gm  # doctest: +SKIP
>>> moments = gm.torch.Moments("cuda")  # doctest: +SKIP
>>> for batch in loader:  # doctest: +SKIP
...     moments.update(batch)
>>> moments.spectrum()  # doctest: +SKIP
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ._errors import GaussmeterError
from ._moments import Moments as HostMoments
from ._reading import Layout, Scale
from ._spectrum import Spectrum

if TYPE_CHECKING:
    import torch

#: Samples of a block: the largest number whose sums of products float32 holds.
BLOCK = 1024
#: What is subtracted from pixels.
CENTRE = 128


class Moments:
    """Sums over 8-bit samples, taken on a device of PyTorch.

    Parameters
    ----------
    device : str or torch.device, optional
        Where sums are taken. By default where the first batch is.
    scale, layout, name
        As for :class:`gaussmeter.Moments`.

    Attributes
    ----------
    count : int
        Number of samples so far.
    how : str
        How sums are taken, in words.

    Notes
    -----
    Sums of d-dimensional samples take 8 d² bytes on the device: 75 MB for 3,072 dimensions.
    """

    def __init__(
        self,
        device: str | torch.device | None = None,
        *,
        scale: Scale | None = None,
        layout: Layout | None = None,
        name: str = "samples",
    ) -> None:
        try:
            import torch
        except ImportError as error:
            raise GaussmeterError("PyTorch is not installed", "pip install torch") from error
        self._torch = torch
        self._device = None if device is None else torch.device(device)
        self._options: dict[str, Any] = {"scale": scale, "layout": layout, "name": name}
        self._shape: tuple[int, ...] | None = None
        self._first: torch.Tensor | None = None
        self._second: torch.Tensor | None = None
        self.count = 0

    @property
    def how(self) -> str:
        """How sums are taken, in words."""
        where = "the device of the first batch" if self._device is None else str(self._device)
        return f"blocks of {BLOCK} samples in float32, below 2^24, added up in int64, on {where}"

    def update(self, batch: torch.Tensor) -> Moments:
        """Add a batch of samples.

        Parameters
        ----------
        batch : torch.Tensor
            Samples along the first axis, of type uint8, on any device.

        Returns
        -------
        Moments
            The same object.

        Raises
        ------
        GaussmeterError
            Values that are not 8-bit, samples of another shape than those before, or a device whose
            products are not exact; the sums are then as they were.
        """
        torch = self._torch
        if not isinstance(batch, torch.Tensor) or batch.dtype != torch.uint8 or batch.ndim < 2:
            what = batch.dtype if isinstance(batch, torch.Tensor) else type(batch).__name__
            raise GaussmeterError(
                f"a batch of {what}: sums on a device are over uint8 tensors of samples",
                "gm.Moments takes everything else",
            )
        shape = tuple(batch.shape[1:])
        if self._shape is not None and shape != self._shape:
            raise GaussmeterError(
                f"a batch of samples of shape {shape} after samples of shape {self._shape}"
            )
        device = batch.device if self._device is None else self._device
        with torch.no_grad():
            rows = batch.to(device).reshape(len(batch), -1)
            if self._second is None:
                # What the host would refuse is refused before anything is summed.
                _order(shape, self._options)
                self._check(device)
                size = rows.shape[1]
                self._first = torch.zeros(size, dtype=torch.int64, device=device)
                self._second = torch.zeros(size, size, dtype=torch.int64, device=device)
                self._shape, self._device = shape, device
            for block in rows.split(BLOCK):
                centred = block.to(torch.float32) - CENTRE
                self._first += centred.sum(dim=0).to(torch.int64)
                self._second += (centred.T @ centred).to(torch.int64)
        self.count += len(batch)
        return self

    def _check(self, device: torch.device) -> None:
        torch = self._torch
        generator = torch.Generator().manual_seed(0)
        pixels = torch.randint(0, 256, (BLOCK, 64), generator=generator)
        # The largest sums there are, and all others.
        pixels[:, :2] = 0
        centred = pixels - CENTRE
        found = centred.to(device, torch.float32)
        products = (found.T @ found).to(torch.int64).cpu()
        if not torch.equal(products, centred.T @ centred):
            raise GaussmeterError(
                f"products of float32 matrices on {device} are not exact",
                "gm.Moments sums on the CPU",
            )

    def moments(self) -> HostMoments:
        """The sums, off the device: what can be sent, added to others, and saved.

        Returns
        -------
        gaussmeter.Moments
            With the same bits as sums of the same samples on the CPU.

        Raises
        ------
        GaussmeterError
            No samples.
        """
        if self._first is None or self._second is None or self._shape is None:
            raise GaussmeterError(f"{self._options['name']}: no samples")
        order, state = _order(self._shape, self._options)
        first = self._first.cpu().numpy()[order]
        second = self._second.cpu().numpy()[np.ix_(order, order)]
        meta = json.loads(state["meta"].tobytes())
        meta["count"] = meta["position"] = self.count
        file = io.BytesIO()
        np.savez(
            file,
            meta=np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8),
            first=first,
            second=second[np.tril_indices(len(first))],
        )
        own = HostMoments(**self._options)
        own._native = own._native.of_state(file.getvalue())
        return own

    def spectrum(
        self, *, basis: bool = False, centred: bool = False, name: str | None = None
    ) -> Spectrum:
        """The spectrum of the covariance of the samples so far.

        Parameters
        ----------
        basis, centred, name
            As for :meth:`gaussmeter.Spectrum.from_images`.

        Returns
        -------
        Spectrum
        """
        return self.moments().spectrum(basis=basis, centred=centred, name=name)

    def __repr__(self) -> str:
        return f"<Moments: {self.count} samples of shape {self._shape}, {self.how}>"


def _order(
    shape: tuple[int, ...], options: dict[str, Any]
) -> tuple[NDArray[np.int64], dict[str, NDArray[Any]]]:
    """Where the coordinates of the library are in stored samples, and a file of sums over one."""
    size = int(np.prod(shape))
    order = np.zeros(size, dtype=np.int64)
    state: dict[str, NDArray[Any]] = {}
    places, digit = np.arange(size), 0
    while digit == 0 or 256**digit < size:
        sample = ((places >> (8 * digit)) & 255).astype(np.uint8).reshape(1, *shape)
        kept = HostMoments(**options).update(sample)._native.state()
        if kept is None:
            raise GaussmeterError(f"samples of shape {shape} have no values")
        with np.load(io.BytesIO(kept)) as file:
            state = {key: file[key] for key in file.files}
        order |= (state["first"] + CENTRE) << (8 * digit)
        digit += 1
    return order, state


__all__ = ["BLOCK", "Moments"]
