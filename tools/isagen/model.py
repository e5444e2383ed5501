# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the items of .isa files are once read: plain records, made by spec.py, read by all others."""
from dataclasses import dataclass, field

CELLS = {"i1": 1, "i32": 1, "i64": 1, "i128": 2, "f16": 1, "f32": 1, "f64": 1, "f80": 2, "v128": 2, "v256": 4, "fl": 1}


@dataclass
class Slot:
    name: str
    type: str
    count: int
    array: bool
    place: tuple
    cell: int = 0

    @property
    def cells(self):
        return CELLS[self.type]


@dataclass
class Key:
    name: str
    bits: int
    slot: str
    low: int
    place: tuple


@dataclass
class Accessor:
    name: str
    params: list
    get: object  # Expr, "extern" or None
    put: object  # (value's name, Stmt), "extern" or None
    place: tuple


@dataclass
class Macro:
    name: str
    params: list
    body: object
    place: tuple


@dataclass
class Gate:
    terms: list  # (Expr, trap Expr) or (name, None)
    then: object
    place: tuple


@dataclass
class Helper:
    name: str
    params: list  # types
    result: str
    effects: set
    writes: set
    place: tuple


@dataclass
class Test:
    word: int
    width: int
    text: str
    before: list
    after: list
    place: tuple


@dataclass
class Insn:
    name: str
    place: tuple
    features: list
    partial: bool
    bits: list = None  # raw pieces
    bits_place: tuple = None
    where: list = field(default_factory=list)
    unpred: list = field(default_factory=list)  # (Expr, the clause's text)
    gates: Gate = None
    text: tuple = None   # (string, place)
    aliases: list = field(default_factory=list)  # (string, Expr, place)
    expands: tuple = None
    do: list = None
    tests: list = field(default_factory=list)
    ref: str = ""
    columns: dict = field(default_factory=dict)
