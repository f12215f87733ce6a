"""The members of the library's registries as objects with keyword arguments."""

from __future__ import annotations

import inspect
import keyword
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from . import _native
from ._errors import GaussmeterError


def _identifier(name: str) -> str:
    """A name as Python can write it."""
    own = "".join(c if c.isalnum() else "_" for c in name)
    if own[:1].isdigit():
        own = f"_{own}"
    return f"{own}_" if keyword.iskeyword(own) else own


@lru_cache(maxsize=1)
def _registries() -> dict[str, Any]:
    return _native.registries()


def _written(value: Any) -> str:
    """The value of a parameter as the library reads it."""
    if isinstance(value, bool):
        raise GaussmeterError(f"{value} is no value of a parameter", "give a word or a number")
    if isinstance(value, float):
        # As defaults are written, so that a default that is given is still one.
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(float(value))
    return str(value)


class Member(str):
    """A member of a registry, such as the sampler ``heun``: its text form.

    Called with keyword arguments it is the same with these parameters. Parameters that are left out
    have their defaults.

    Examples
    --------
    >>> import gaussmeter as gm
    >>> gm.samplers.dpmpp_2m_sde(eta=0.5)
    'dpmpp-2m-sde:eta=0.5'
    """

    family: str
    entry: dict[str, Any]
    __signature__: inspect.Signature
    __name__: str

    def __new__(cls, text: str, family: str, entry: dict[str, Any]) -> Member:
        own = super().__new__(cls, text)
        own.family = family
        own.entry = entry
        own.__doc__ = _documentation(entry)
        own.__signature__ = _signature(entry)
        own.__name__ = _identifier(entry["name"])
        return own

    def __call__(self, *arguments: Any, **parameters: Any) -> Member:
        """The same member with these parameters.

        Parameters
        ----------
        *arguments
            At most one: the first parameter.
        **parameters
            Values by name; see the signature.

        Returns
        -------
        Member

        Raises
        ------
        GaussmeterError
            Unknown parameters, or values that are out of range.
        """
        own = self.entry["parameters"]
        by_name = {_identifier(parameter["name"]): parameter["name"] for parameter in own}
        if len(arguments) > 1:
            raise TypeError(f"{self.entry['name']} takes one argument without a name at most")
        if arguments:
            if not own:
                raise TypeError(f"{self.entry['name']} takes no arguments")
            parameters = {own[0]["name"]: arguments[0], **parameters}
        given = [
            f"{by_name.get(name, name)}={_written(value)}"
            for name, value in parameters.items()
            if value is not None
        ]
        text = self.entry["name"] + (":" + ",".join(given) if given else "")
        return Member(_native.label(self.family, text), self.family, self.entry)

    @property
    def summary(self) -> str:
        """What it is, in one line."""
        return self.entry["summary"]

    @property
    def source(self) -> str:
        """Paper, equation or algorithm number."""
        return self.entry["source"]

    def __reduce__(self) -> Any:
        return _member, (str(self), self.family, self.entry["name"])


def _member(text: str, family: str, name: str) -> Member:
    entries = _registries()[family]["entries"]
    return Member(text, family, next(entry for entry in entries if entry["name"] == name))


def _signature(entry: dict[str, Any]) -> inspect.Signature:
    kinds = {"number": float, "count": int, "number or word": float | str}
    return inspect.Signature(
        [
            inspect.Parameter(
                _identifier(parameter["name"]),
                inspect.Parameter.KEYWORD_ONLY,
                default=parameter["default"]
                if parameter["default"] is not None
                else inspect.Parameter.empty,
                annotation=kinds.get(parameter["kind"], str),
            )
            for parameter in entry["parameters"]
        ]
    )


def _documentation(entry: dict[str, Any]) -> str:
    lines = [entry["summary"], ""]
    if entry["parameters"]:
        lines += ["Parameters", "----------"]
        for parameter in entry["parameters"]:
            default = parameter["default"]
            after = "" if default is None else f", default {default}"
            lines.append(f"{_identifier(parameter['name'])} : {parameter['expected']}{after}")
            lines.append(f"    {parameter['summary']}")
        lines.append("")
    if entry["order"] is not None:
        lines.append(f"Order of convergence: {entry['order']}.")
    if entry["source"]:
        lines.append(f"Source: {entry['source']}.")
    if entry["aliases"]:
        lines.append(f"Also: {', '.join(entry['aliases'])}.")
    return "\n".join(lines).rstrip() + "\n"


class Family:
    """A family of members, such as the samplers: called, it lists their names.

    Every member is an attribute, under its name with ``_`` for ``-``; aliases work too.

    Examples
    --------
    >>> import gaussmeter as gm
    >>> "heun" in gm.samplers()
    True
    >>> gm.grids.karras(rho=5)
    'karras:rho=5'
    """

    __slots__ = ("_plural",)

    def __init__(self, plural: str) -> None:
        self._plural = plural

    @property
    def _entries(self) -> list[dict[str, Any]]:
        return _registries()[self._plural]["entries"]

    def __call__(self) -> list[str]:
        """Names of all members, in the order of the library's lists."""
        return [entry["name"] for entry in self._entries]

    def __iter__(self) -> Iterator[Member]:
        return (Member(entry["name"], self._plural, entry) for entry in self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return any(name == entry["name"] or name in entry["aliases"] for entry in self._entries)

    def __getitem__(self, name: str) -> Member:
        """The member of this name or alias, with parameters in its text form if it has any."""
        label = _native.label(self._plural, name) if ":" in name else name
        wanted = label.split(":")[0].lower()
        for entry in self._entries:
            if wanted in (entry["name"].lower(), *(alias.lower() for alias in entry["aliases"])):
                text = label if ":" in label else entry["name"]
                return Member(text, self._plural, entry)
        _native.label(self._plural, name)
        raise KeyError(name)

    def __getattr__(self, name: str) -> Member:
        if not name.startswith("__"):
            for entry in self._entries:
                if any(name == _identifier(own) for own in (entry["name"], *entry["aliases"])):
                    return Member(entry["name"], self._plural, entry)
        raise AttributeError(
            f"no member of {self._plural} is called {name}: gaussmeter.{self._plural}() lists them"
        )

    def __dir__(self) -> list[str]:
        return [_identifier(entry["name"]) for entry in self._entries]

    def __repr__(self) -> str:
        lines = [f"{_registries()[self._plural]['title']}:"]
        lines += [f"  {entry['name']:<24}{entry['summary']}" for entry in self._entries]
        return "\n".join(lines)


samplers = Family("samplers")
processes = Family("processes")
grids = Family("grids")
spectra = Family("spectra")
inits = Family("inits")
metrics = Family("metrics")
objectives = Family("objectives")
conditionings = Family("conditionings")
networks = Family("networks")
targets = Family("targets")


def order(sampler: str) -> int | None:
    """Order of convergence that a sampler declares.

    Parameters
    ----------
    sampler : str
        Its name, with options if they matter: ``"dpmpp-2m"``.

    Returns
    -------
    int or None
        None if it declares none.

    Raises
    ------
    GaussmeterError
        No such sampler.

    Examples
    --------
    >>> import gaussmeter as gm
    >>> gm.order("heun")
    2
    """
    return _native.order(sampler)
