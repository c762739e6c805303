"""Random transactions, as Python text.

A transaction is a list of statements; a list inside is a savepoint; "rollback" as the last of
either rolls it back. A statement alone is run in autocommit.
"""

import random

from hypothesis import strategies as st

from fuzz.domains import DOMAINS, ORDER_OF_CREATION, columns, keys
from wild.language import MODELS
from wild.models import Beast

ROLLBACK = "rollback"
SERIALIZABLE = "sql('SET TRANSACTION ISOLATION LEVEL SERIALIZABLE')"
RAW = (
    "sql('TRUNCATE wild_haunt')",
    "sql('TRUNCATE wild_beast CASCADE')",
    "sql('TRUNCATE wild_tag CASCADE')",
    "sql('DELETE FROM wild_beast WHERE id = 1')",
    "sql('DELETE FROM wild_beast WHERE number = 1')",
    "sql('DELETE FROM wild_pet')",
    "sql('UPDATE wild_beast SET id = id + 1 WHERE id IN (5, 6)')",
    "sql('UPDATE wild_beast SET id = 1 WHERE id = 2')",
    "sql('UPDATE wild_beast SET id = -id')",
    "sql('UPDATE wild_place SET id = 4 - id')",
    "sql(\"UPDATE wild_place SET aid = 'p' || id\")",
    "sql(\"UPDATE wild_place SET aid = 'p' || (4 - id) WHERE id <> 2\")",
    "sql('UPDATE wild_place SET aid = reverse(aid), size = 1')",
    "Place.objects.get(pk=1).delete()",
    "sql('UPDATE wild_haunt SET id = id + 1 WHERE id > 5')",
    "sql(\"UPDATE wild_clan SET key = 'b' WHERE key = 'a'\")",
    "sql(\"UPDATE wild_beast SET exact = 'NaN', \\\"real\\\" = 'NaN' WHERE id < 3\")",
    "sql(\"UPDATE wild_beast SET tree = 'null'\")",
    "sql('UPDATE wild_beast SET mother_id = id')",
    "sql('DELETE FROM wild_beast_tags')",
    "sql('DELETE FROM auth_user WHERE id = 1')",
    "User(pk=1, username='a').save()",
    "sql('UPDATE wild_beast_tags SET beast_id = 1 WHERE beast_id = 2')",
    "sql('WITH gone AS (DELETE FROM wild_haunt RETURNING beast_id) "
    "UPDATE wild_beast SET number = 2 WHERE id IN (SELECT beast_id FROM gone)')",
    "sql(\"INSERT INTO wild_place (id, aid, name, size) VALUES (1, 'r1', NULL, 1), "
    "(2, 'r2', NULL, 2) "
    'ON CONFLICT (id) DO UPDATE SET size = excluded.size")',
)
MANY = (
    "Beast.objects.bulk_create("
    "[Beast(pk=100 + n, number=n % 3, clan_id='a') for n in range(25)], ignore_conflicts=True)",
    "Beast.objects.filter(pk__gte=100).update(number=1)",
    "Beast.objects.filter(pk__gte=100).update(text='a', flag=True)",
    "Beast.objects.filter(pk__gte=100).delete()",
    "Haunt.objects.bulk_create([Haunt(pk=100 + n, beast_id=1 + n % 5, place_id=1 + n % 3, "
    "visits=n % 4) for n in range(30)], ignore_conflicts=True)",
    "Haunt.objects.filter(pk__gte=100).update(visits=2)",
    "Haunt.objects.filter(pk__gte=100).delete()",
    "Beast.objects.update(number=1)",
    "Haunt.objects.update(visits=1)",
)
PERSONAL = (
    *("is_active=False", "is_active=True", "is_superuser=True", "is_superuser=False"),
    *("username='a'", "username='x'"),
)
POPULATIONS = range(6)


def some(domain):
    return st.sampled_from(DOMAINS[domain])


def fields_of(model):
    """Column -> domain of everything that is written besides the key."""
    return {**columns(model), **keys(model)}


def optional(model, name):
    return model._meta.get_field(name).null


@st.composite
def values(draw, model, least=0):
    """`name=value` for some columns."""
    names = draw(
        st.lists(st.sampled_from(list(fields_of(model))), min_size=least, max_size=4, unique=True)
    )
    return {name: draw(value(model, name)) for name in names}


def value(model, name):
    found = some(fields_of(model)[name])
    return st.one_of(found, found, st.just("None")) if optional(model, name) else found


def needed(model):
    """Columns that take no NULL and have no default."""
    return [name for name in keys(model) if not optional(model, name)]


def written(given):
    return ", ".join(f"{name}={text}" for name, text in given.items())


@st.composite
def saves(draw):
    model = draw(st.one_of(st.just(Beast), st.sampled_from(MODELS)))
    given = {name: draw(value(model, name)) for name in needed(model)} | draw(values(model))
    key = draw(some(model.__name__))
    return f"{model.__name__}({written({'pk': key, **given})}).save()"


@st.composite
def updates(draw):
    model = draw(st.one_of(st.just(Beast), st.sampled_from(MODELS)))
    return f"{draw(targets(model))}.update({written(draw(values(model, least=1)))})"


@st.composite
def deletes(draw):
    return f"{draw(targets(draw(st.sampled_from(MODELS))))}.delete()"


@st.composite
def targets(draw, model):
    """Rows to change: by keys, or by a value, or all."""
    name = model.__name__
    kind = draw(st.sampled_from(("keys", "keys", "keys", "value", "all")))
    if kind == "keys":
        chosen = draw(st.lists(some(name), min_size=1, max_size=3, unique=True))
        return f"{name}.objects.filter(pk__in=[{', '.join(chosen)}])"
    if kind == "value":
        column = draw(st.sampled_from(list(fields_of(model))))
        return f"{name}.objects.filter({column}={draw(some(fields_of(model)[column]))})"
    return f"{name}.objects.all()"


@st.composite
def links(draw):
    beast = draw(some("Beast"))
    manager, domain = draw(st.sampled_from((("tags", "Tag"), ("haunts", "Place"))))
    verb = draw(st.sampled_from(("add", "add", "remove", "set", "clear")))
    chosen = draw(st.lists(some(domain), min_size=1, max_size=2, unique=True))
    if manager == "haunts":
        verb = draw(st.sampled_from(("remove", "clear")))  # an id would have to be made up
    arguments = {"clear": "", "set": f"[{', '.join(chosen)}]"}.get(verb, ", ".join(chosen))
    return f"Beast(pk={beast}).{manager}.{verb}({arguments})"


def people():
    return st.builds(
        "User.objects.filter(pk={}).update({})".format,
        some("User"),
        st.sampled_from(PERSONAL),
    )


def statements():
    common = [saves(), saves(), updates(), updates(), deletes(), links()]
    return st.one_of(*common, people(), st.sampled_from(RAW), st.sampled_from(MANY))


@st.composite
def transactions(draw):
    if draw(st.integers(0, 3)) == 0:
        return draw(statements())
    parts = draw(
        st.lists(st.one_of(statements(), statements(), savepoints()), min_size=1, max_size=5)
    )
    if draw(st.integers(0, 9)) == 9:
        parts.insert(0, SERIALIZABLE)
    if draw(st.integers(0, 5)) == 5:
        parts.append(ROLLBACK)
    return parts


def savepoints():
    inner = st.lists(statements(), min_size=1, max_size=3)
    return st.one_of(inner, inner.map(lambda parts: [*parts, ROLLBACK]))


def population(seed):
    """Statements that make a world to begin with; the same for equal seeds, none for 0."""
    if not seed:
        return []
    rng = random.Random(seed)
    made = [
        f"User(pk={key}, username={name}, is_active={active}).save()"
        for key, name, active in (("1", "'a'", True), ("2", "'b'", True), ("3", "'c'", False))
    ]
    for model in ORDER_OF_CREATION:
        for key in DOMAINS[model.__name__]:
            if model.__name__ == "Pet" and rng.random() < 0.5:
                continue
            given = {
                name: rng.choice(DOMAINS[domain])
                for name, domain in fields_of(model).items()
                if name in needed(model) or rng.random() < 0.6
            }
            if model.__name__ == "Lair":
                given["beast_id"] = key
            made.append(f"{model.__name__}({written({'pk': key, **given})}).save()")
    return made + [
        f"Beast(pk={beast}).tags.set([{', '.join(rng.sample(DOMAINS['Tag'], rng.randint(0, 3)))}])"
        for beast in DOMAINS["Beast"]
    ]
