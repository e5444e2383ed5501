# SPDX-License-Identifier: MIT OR Apache-2.0
"""Types of ops: what may stand at a signature letter and what an op's result is, as far as the text tells. None: not known here."""
from source import IsaError

SETS = {
    "I": {"i32", "i64"}, "W": {"i1", "i32", "i64", "i128"}, "F": {"f16", "f32", "f64", "f80"}, "V": {"v128"},
    "L": {"fl"}, "b": {"i1"}, "A": {"i64"},
    "T": {"i1", "i32", "i64", "i128", "f16", "f32", "f64", "f80", "v128", "v256", "fl"},
}
BITS_OF = {"f16": "i32", "f32": "i32", "f64": "i64", "f80": "i128", "v128": "i128"}
RESULTS = {"BITS": BITS_OF, "CONCAT": {"i32": "i64", "i64": "i128"}, "HI": {"i64": "i32", "i128": "i64"}, "CLMUL": {"i64": "i128"}}
FIXED = {"FCLASS": "i64", "FBOX": "f64", "FXGET": "i64", "CLOCK": "i64", "PC": "i64", "FLBITS": "i64",
         "VDUP": "v128", "VGETE": "i64", "VMASK": "i64", "VREDUCE": "i64"}
UNTYPED = "untyped"  # K(): takes its neighbour's type


class Unify:
    """The types of one op's letters, operand after operand."""

    def __init__(self, op):
        self.op, self.known, self.untyped = op, {}, {}

    def want(self, letter):
        """The type an untyped constant in this place gets."""
        return {"A": "i64", "b": "i1", "L": "fl"}.get(letter) or self.known.get(letter)

    def operand(self, letter, ty, place):
        if ty is None:
            self.known.setdefault(letter, None)
            return
        if ty == UNTYPED:
            self.untyped.setdefault(letter, place)
            return
        if ty not in SETS[letter]:
            raise IsaError(place, f"{self.op}: an operand is {ty}, it must be {' '.join(sorted(SETS[letter]))}")
        have = self.known.get(letter)
        if have and have != ty:
            raise IsaError(place, f"{self.op}: operands are {have} and {ty}")
        self.known[letter] = ty

    def result(self, out, ty, width):
        """ty, width: the static type and width arguments, if constant."""
        for letter, place in self.untyped.items():
            if letter not in self.known:
                raise IsaError(place, f"{self.op}: K() has no neighbour to take its type from: K1 K32 K64")
        if not out:
            return ""
        if self.op in FIXED:
            return FIXED[self.op]
        first = next(iter(self.known.values()), None)
        if self.op in RESULTS:
            if first is None:
                return None
            if first not in RESULTS[self.op]:
                raise IsaError(None, f"{self.op} of {first}")
            return RESULTS[self.op][first]
        if self.op == "FROM" and first and BITS_OF.get(ty, first) != first:
            raise IsaError(None, f"FROM of {first} to {ty}")
        if self.op == "LL":
            return None if width is None else "i128" if width == 128 else "i64"
        if out in "bL":
            return "i1" if out == "b" else "fl"
        if ty is not None:
            return ty
        return self.known.get(out)
