"""Random querysets, as Python text with holes for parameters.

A `Shape` is made first and filled several times: live queries of one shape that differ in their
parameters are what the engine evaluates together.
"""

from dataclasses import dataclass

from hypothesis import strategies as st

from fuzz.domains import DOMAINS, ORDERED, POINTING, columns, keys, relations
from wild.language import MODELS
from wild.models import Beast

ELSEWHERE = ("wild.critter", "wild.critter", "wild.owned", "wild.ruled", "wild.described")
NOT_PLAIN = ("json", "array", "float")
COMPARISONS = ("exact", "gt", "gte", "lt", "lte")
# Kind -> lookups with the domain of what they compare with; "" is the kind's own.
LOOKUPS = {
    "text": {
        **dict.fromkeys(("exact", "iexact", "contains", "icontains"), ""),
        **dict.fromkeys(("startswith", "istartswith", "endswith", "gt", "lte"), ""),
        **dict.fromkeys(("regex", "iregex"), "regex"),
    },
    **{kind: dict.fromkeys(COMPARISONS, "") for kind in ORDERED},
    "bool": {"exact": ""},
    "uuid": {"exact": ""},
    "json": {
        "exact": "",
        "a": "",
        "a__b": "",
        "0": "",
        "contains": "",
        "contained_by": "",
        "has_key": "key",
    },
    "array": {
        "exact": "",
        "contains": "texts",
        "contained_by": "texts",
        "overlap": "texts",
        "len": "int",
        "0": "text",
    },
}
LOOKUPS["date"] |= {"year": "year", "month": "month"}
LOOKUPS["moment"] |= {"year": "year", "date": "date", "month": "month"}


@dataclass(frozen=True)
class Shape:
    """A queryset's text with a hole `{n}` for the n-th parameter, and the domains of these."""

    text: str
    holes: tuple[str, ...]

    def filled(self):
        """A strategy for the text with values in its holes."""
        domains = [st.sampled_from(DOMAINS[hole]) for hole in self.holes]
        return st.tuples(*domains).map(lambda values: self.text.format(*values))


@st.composite
def shapes(draw):
    model = draw(st.one_of(st.just(Beast), st.sampled_from(MODELS)))
    maker = Maker(draw)
    kind = draw(st.sampled_from(("decidable", "queryset", "queryset", "elsewhere")))
    return Shape(getattr(maker, kind)(model), tuple(maker.holes))


def is_cut(text):
    """Is it sliced, combined or distinct by a field?"""
    sets = (".union(", ".intersection(", ".difference(", ".distinct('")
    return "]" in text.rsplit(")", 1)[-1] or any(each in text for each in sets)


class Maker:
    """Makes the text of one queryset by drawing what it is made of."""

    def __init__(self, draw):
        self.draw = draw
        self.holes = []

    def pick(self, choices):
        return self.draw(st.sampled_from(list(choices)))

    def maybe(self):
        return self.draw(st.booleans())

    def hole(self, domain):
        self.holes.append(domain)
        return f"{{{len(self.holes) - 1}}}"

    def queryset(self, model):
        text = self.filtered(model, depth=2)
        return getattr(self, self.pick(ENDINGS))(model, text)

    def elsewhere(self, _):
        """Beasts in another collection than their first."""
        name = self.pick(ELSEWHERE)
        if name == "wild.critter":
            text = self.decidable(Beast) if self.maybe() else self.queryset(Beast)
        elif name == "wild.described":
            text = self.queryset(Beast)
            if "annotate(" in text and is_cut(text):  # which is refused
                text = self.decidable(Beast)
        else:  # limited to a user's rows: nothing that depends on the other rows
            text = self.decidable(Beast) if self.maybe() else self.filtered(Beast, depth=2)
        return f"({text}, {name!r})"

    def decidable(self, model):
        """Such as Python decides without the database: its own columns, compared plainly."""
        text = f"{model.__name__}.objects.all()"
        for _ in range(self.draw(st.integers(0, 2))):
            verb = self.pick(("filter", "exclude"))
            parts = [self.plain_test(model) for _ in range(self.draw(st.integers(1, 2)))]
            condition = f" {self.pick('&|')} ".join(parts)
            text += f".{verb}({self.pick(('', '~'))}({condition}))"
        return self.narrowed(model, text) if self.draw(st.integers(0, 3)) == 0 else text

    def plain_test(self, model):
        plain = {**columns(model), **keys(model), "pk": model.__name__}
        name = self.pick([name for name, kind in plain.items() if kind not in NOT_PLAIN])
        kind = plain[name]
        lookup = self.pick(("exact", "exact", "in", "isnull", "gt", "lte"))
        if lookup == "isnull":
            return f"Q({name}__isnull={self.pick((True, False))})"
        if lookup == "in" or kind not in ORDERED:
            members = ", ".join(self.hole(kind) for _ in range(self.draw(st.integers(1, 3))))
            return f"Q({name}__in=[{members}])"
        return f"Q({name}__{lookup}={self.hole(kind)})"

    def filtered(self, model, depth):
        text = f"{model.__name__}.objects.all()"
        for _ in range(self.draw(st.integers(0, 2))):
            verb = self.pick(("filter", "filter", "exclude"))
            text += f".{verb}({self.condition(model, depth)})"
        return text

    def plain(self, model, text):
        return text

    def narrowed(self, model, text):
        verb = self.pick(("only", "defer"))
        names = [*columns(model), *(name.removesuffix("_id") for name in keys(model))]
        if model is Beast:
            names.append("tags")
        chosen = self.draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
        return f"{text}.{verb}({', '.join(map(repr, chosen))})"

    def distinct(self, model, text):
        if self.maybe():
            return f"{text}.distinct()"
        name = self.pick(columns(model))
        return f"{text}.order_by({name!r}, 'pk').distinct({name!r})"

    def sliced(self, model, text):
        start = self.draw(st.integers(0, 1))
        stop = start + self.draw(st.integers(1, 3))
        part = f"[{start or ''}:{stop}]"
        return f"{text}.order_by({self.order(model)}, 'pk'){part}"

    def order(self, model):
        path, end, _ = self.path(model, 1)
        name = repr("__".join([*path, self.pick(columns(end))]))
        form = self.pick(("{}", "F({}).desc()", "F({}).asc(nulls_first=True)"))
        return form.format(name)

    def combined(self, model, text):
        verb = self.pick(("union", "intersection", "difference"))
        other = self.filtered(model, depth=1)
        text = f"{text}.{verb}({other})"
        return f"{text}.order_by('pk')[:2]" if self.maybe() else text

    def annotated(self, model, text):
        name = self.pick(("x", "y"))
        expression, kind = self.expression(model)
        text = f"{text}.annotate({name}={expression})"
        if kind and self.maybe():
            verb = self.pick(("filter", "exclude"))
            text = f"{text}.{verb}({self.test(name, kind)})"
        ending = self.pick(("plain", "sliced", "narrowed", "distinct", "ranked"))
        return (
            self.ranked(model, text, name)
            if ending == "ranked"
            else self.ended(ending, text, model)
        )

    def ended(self, ending, text, model):
        return getattr(self, ending)(model, text)

    def ranked(self, model, text, name):
        return f"{text}.order_by({self.pick(('', '-')) + name!r}, 'pk')[:{self.pick((1, 2, 3))}]"

    def expression(self, model):
        return getattr(self, self.pick(EXPRESSIONS))(model)

    def aggregate(self, model):
        several = [name for name, (_, many) in relations(model).items() if many]
        if not several:
            return self.function(model)
        name = self.pick(several)
        end = relations(model)[name][0]
        extra = self.pick(("", ", distinct=True", ", filter="))
        if extra == ", filter=":
            extra += self.own(model, (name,), end)
        numbers = [column for column, kind in columns(end).items() if kind in ("int", "decimal")]
        if not numbers or self.maybe():
            return f"Count({name!r}{extra})", "int"
        function = self.pick(("Sum", "Max", "Min"))
        column = self.pick(numbers)
        if function != "Sum" and "distinct" in extra:
            extra = ""
        return f"{function}({f'{name}__{column}'!r}{extra})", columns(end)[column]

    def subquery(self, model):
        if not POINTING[model]:
            return self.function(model)
        other, key = self.pick(POINTING[model])
        column = self.pick(columns(other))
        kind = columns(other)[column]
        inner = f"{other.__name__}.objects.filter({key}=OuterRef('pk'))"
        if self.maybe():
            inner += f".filter({self.condition(other, 0)})"
        return f"Subquery({inner}.order_by('pk').values({column!r})[:1])", kind

    def case(self, model):
        test = self.own(model, (), model)
        kind = self.pick(("int", "text"))
        then, other = self.hole(kind), self.hole(kind)
        return f"Case(When({test}, then=Value({then})), default=Value({other}))", kind

    def exists(self, model):
        return self.condition_exists(model, 1), "bool"

    def function(self, model):
        texts = [name for name, kind in columns(model).items() if kind == "text"]
        if not texts:
            return self.reference(model)
        form, kind = self.pick(
            (("Lower({})", "text"), ("Upper({})", "text"), ("Length({})", "int"))
        )
        return form.format(repr(self.pick(texts))), kind

    def reference(self, model):
        path, end, _ = self.path(model, 2, several=False)
        column = self.pick(columns(end))
        return f"F({'__'.join([*path, column])!r})", columns(end)[column]

    def path(self, model, longest, several=True):
        """Some steps over relations: their names, the model there, and whether rows repeat."""
        path, repeats = (), False
        for _ in range(self.draw(st.integers(0, longest))):
            choices = [name for name, (_, many) in relations(model).items() if several or not many]
            if not choices:
                break
            name = self.pick(choices)
            model, many = relations(model)[name]
            repeats = repeats or many
            path += (name,)
        return path, model, repeats

    def condition(self, model, depth):
        kinds = CONDITIONS if depth > 0 else ("simple", "simple", "compared")
        return getattr(self, f"condition_{self.pick(kinds)}")(model, depth)

    def condition_simple(self, model, depth):
        path, end, _ = self.path(model, 3 if depth > 1 else 1)
        if path and self.maybe():
            name = "__".join(path)
            return f"Q({name}__isnull={self.pick((True, False))})"
        return self.own(model, path, end)

    def condition_own(self, model, depth):
        return self.own(model, (), model)

    def condition_key(self, model, depth):
        """A relation compared with a key."""
        path, end, _ = self.path(model, 2)
        name = "__".join([*path, "pk"])
        if self.maybe():
            return f"Q({name}={self.hole(end.__name__)})"
        return f"Q({name}__in=[{self.hole(end.__name__)}, {self.hole(end.__name__)}])"

    def condition_compared(self, model, depth):
        """Two columns of one kind, from anywhere."""
        first, end, _ = self.path(model, 1)
        column = self.pick(columns(end))
        kind = columns(end)[column]
        second, other, _ = self.path(model, 1)
        equals = [name for name, each in columns(other).items() if each == kind]
        if not equals:
            second, equals = first, [column]
        lookup = self.pick(COMPARISONS if kind in ORDERED else ("exact",))
        left = "__".join([*first, column, lookup])
        right = "__".join([*second, self.pick(equals)])
        return f"Q({left}=F({right!r}))"

    def condition_both(self, model, depth):
        connector = self.pick(("&", "|", "^"))
        return (
            f"({self.condition(model, depth - 1)} {connector} {self.condition(model, depth - 1)})"
        )

    def condition_negated(self, model, depth):
        return f"~{self.condition(model, depth - 1)}"

    def condition_exists(self, model, depth):
        if POINTING[model] and self.maybe():
            other, key = self.pick(POINTING[model])
            link = f"{key}=OuterRef('pk')"
        else:
            other = self.pick(MODELS)
            pairs = [
                (name, own)
                for name, kind in columns(other).items()
                for own, own_kind in columns(model).items()
                if kind == own_kind
            ]
            link = "{}=OuterRef({!r})".format(*self.pick(pairs)) if pairs else ""
        inner = f"{other.__name__}.objects.filter({link})"
        return f"Exists({inner}.filter({self.condition(other, depth - 1)}))"

    def condition_within(self, model, depth):
        """`__in` of a subquery."""
        found = POINTING[model]
        forward = [
            (name.removesuffix("_id"), each)
            for name, each in relations(model).items()
            if name.removesuffix("_id") in relations(model)
        ]
        if found and self.maybe():
            other, key = self.pick(found)
            inner = f"{other.__name__}.objects.filter({self.condition(other, depth - 1)})"
            return f"Q(pk__in={inner}.values({key!r}))"
        name, (end, _) = self.pick(forward)
        inner = f"{end.__name__}.objects.filter({self.condition(end, depth - 1)})"
        if self.maybe():
            inner += f".order_by('pk').values('pk')[:{self.pick((1, 2))}]"
        return f"Q({name}__in={inner})"

    def own(self, model, path, end):
        """One lookup on a column."""
        column = self.pick(columns(end))
        return self.test("__".join([*path, column]), columns(end)[column])

    def test(self, name, kind):
        if self.draw(st.integers(0, 5)) == 0:
            return f"Q({name}__isnull={self.pick((True, False))})"
        if kind not in ("json", "array", "bool") and self.draw(st.integers(0, 4)) == 0:
            members = ", ".join(self.hole(kind) for _ in range(self.draw(st.integers(1, 3))))
            return f"Q({name}__in=[{members}])"
        lookup = self.pick(LOOKUPS[kind])
        return f"Q({name}__{lookup}={self.hole(LOOKUPS[kind][lookup] or kind)})"


CONDITIONS = (
    "simple",
    "simple",
    "simple",
    "own",
    "own",
    "key",
    "compared",
    "both",
    "both",
    "negated",
    "exists",
    "within",
)
EXPRESSIONS = (
    "aggregate",
    "aggregate",
    "subquery",
    "case",
    "case",
    "exists",
    "function",
    "reference",
)
ENDINGS = (
    "plain",
    "plain",
    "plain",
    "plain",
    "narrowed",
    "distinct",
    "sliced",
    "sliced",
    "combined",
    "annotated",
    "annotated",
)
