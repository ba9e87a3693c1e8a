"""One change of the core that breaks one rule."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Mutant:
    name: str
    file: str  # below src/core
    heading: str  # of docs/decisions.md, under which the rule stands
    rule: str  # in words, as it should be
    old: str  # is in the file exactly once
    new: str

    @property
    def path(self):
        return "src/core/" + self.file


def under(heading, *rows):
    """Mutants of rules that stand under one heading: (name, file, rule, old, new)."""
    return [Mutant(name, file, heading, rule, old, new) for name, file, rule, old, new in rows]
