"""Multi-table inheritance in three levels, and a proxy over it."""

import pytest
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q
from following import sql
from stories import Over, RolledBack, Story

from zoo.models import Employee, Manager, Named, Person, Tag

STORY = Story()
ADA, BOB, CAT, DON, EVE = range(1, 6)


@STORY.beginning
def begin():
    tables = "zoo_manager, zoo_employee, zoo_person_tags, zoo_person, zoo_tag"
    sql(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
    populate()


def populate():
    ada = Manager.objects.create(name="ada", salary=30, area="north")
    bob = Manager.objects.create(name="bob", salary=20, area="south", boss=ada)
    Employee.objects.create(name="cat", salary=20, boss=bob).tags.create(name="hot")
    Employee.objects.create(name="don", salary=10, boss=ada).tags.create(name="cold")
    Person.objects.create(name="eve")


@STORY.writes("person")
def names_change_by_update():
    Person.objects.filter(pk=ADA).update(name="x")
    Employee.objects.filter(pk=BOB).update(name="ada")
    Manager.objects.filter(name="x").update(name="bob")


@STORY.writes("person")
def a_boss_changes_by_save_of_the_parent():
    person = Person.objects.get(pk=CAT)
    person.boss_id = ADA
    person.save()


@STORY.writes("person")
def a_name_changes_by_sql():
    sql("UPDATE zoo_person SET name = 'bob', boss_id = 2 WHERE id IN (3, 5)")


@STORY.writes("employee")
def salaries_change_by_update():
    Employee.objects.filter(pk__in=[BOB, DON]).update(salary=30)


@STORY.writes("employee")
def salaries_change_by_sql():
    sql("UPDATE zoo_employee SET salary = 50 - salary")


@STORY.writes("employee")
def a_person_is_employed_by_sql():
    sql("INSERT INTO zoo_employee (person_ptr_id, salary) VALUES (5, 20)")


@STORY.writes("employee")
def a_person_is_dismissed_and_stays():
    Employee.objects.get(pk=EVE).delete(keep_parents=True)


@STORY.writes("manager")
def areas_change_by_update():
    Manager.objects.filter(pk=ADA).update(area="south")


@STORY.writes("manager")
def areas_change_by_sql():
    sql("UPDATE zoo_manager SET area = CASE area WHEN 'south' THEN 'north' ELSE 'south' END")


@STORY.writes("manager")
def an_employee_is_promoted_by_sql():
    sql("INSERT INTO zoo_manager (employee_ptr_id, area) VALUES (3, 'north')")


@STORY.writes("manager")
def a_manager_is_demoted():
    Manager.objects.get(pk=CAT).delete(keep_parents=True)


@STORY.writes("tags")
def tags_trade_places():
    Employee.objects.get(pk=CAT).tags.set(Tag.objects.filter(name="cold"))
    Person.objects.get(pk=DON).tags.set(Tag.objects.filter(name="hot"))


@STORY.writes("tag")
def a_tag_is_renamed():
    Tag.objects.filter(name="cold").update(name="hot")


@STORY.writes("person", "employee", "manager")
def one_save_writes_three_tables():
    manager = Manager.objects.get(pk=BOB)
    manager.name, manager.salary, manager.area = "ada", 20, "north"
    manager.save()


@STORY.writes("person", "employee", "manager", "tags")
def a_manager_comes_in_one_transaction_with_much_else():
    with transaction.atomic():
        fay = Manager.objects.create(name="ada", salary=30, area="north", boss_id=ADA)
        fay.tags.set(Tag.objects.all())
        Employee.objects.filter(pk=DON).update(name="bob", salary=20, boss=fay)


@STORY.writes()
def all_of_it_is_rolled_back():
    try:
        with transaction.atomic():
            Manager.objects.update(area="east", salary=0, name="y")
            Person.objects.all().delete()
            raise RolledBack
    except RolledBack:
        pass


@STORY.writes("person", "employee", "manager")
def a_savepoint_is_rolled_back():
    with transaction.atomic():
        Employee.objects.filter(pk=DON).update(name="ada", salary=30)
        try:
            with transaction.atomic():
                Manager.objects.all().delete()
                raise RolledBack
        except RolledBack:
            Manager.objects.filter(pk=ADA).update(area="south", name="bob")


@STORY.writes("person", "employee", "manager", "tags")
def rows_are_deleted_from_the_top_and_from_the_bottom():
    Person.objects.get(pk=DON).delete()
    Manager.objects.get(pk=BOB).delete()


@STORY.writes("person", "employee", "manager", "tags")
def the_parent_is_truncated():
    sql("TRUNCATE zoo_person RESTART IDENTITY CASCADE")


@STORY.writes("person", "employee", "manager", "tags")
def all_are_there_again():
    with transaction.atomic():
        populate()


NAMES = ("ada", "bob")
AREAS = ("north", "south")
KINDS = {
    "child, by the parent's column": Over(
        lambda name: Employee.objects.filter(name=name), NAMES, "person employee"
    ),
    "child, by its own column": Over(
        lambda salary: Employee.objects.filter(salary=salary), (20, 30), "person employee tags"
    ),
    "grandchild, by the grandparent's column": Over(
        lambda name: Manager.objects.filter(name=name), NAMES, "person employee manager"
    ),
    "grandchild, by its own column": Over(
        lambda area: Manager.objects.filter(area=area), AREAS, "person employee manager"
    ),
    "grandchild, by all three": Over(
        lambda area: Manager.objects.filter(Q(name="ada") | Q(salary=20), area=area),
        AREAS,
        "person employee manager",
    ),
    "parent, by the child": Over(
        lambda salary: Person.objects.filter(employee__salary=salary),
        (20, 30),
        "person employee tags",
    ),
    "parent, by the grandchild": Over(
        lambda area: Person.objects.filter(employee__manager__area=area), AREAS, "person manager"
    ),
    "parent without a child": Over(
        lambda names: Person.objects.filter(employee__isnull=True, name__in=names),
        (["eve", "x"], ["bob"]),
        "person employee",
    ),
    "proxy, by the child": Over(
        lambda salary: Named.objects.filter(employee__salary=salary), (20, 30), "person employee"
    ),
    "child, by a relation of the parent": Over(
        lambda name: Employee.objects.filter(boss__name=name), NAMES, "person employee"
    ),
    "child, by a child that is related": Over(
        lambda area: Employee.objects.filter(boss__employee__manager__area=area),
        AREAS,
        "person manager",
    ),
    "child, by the parent's many-to-many": Over(
        lambda name: Employee.objects.filter(tags__name=name), ("hot", "cold"), "tags tag"
    ),
    "child, only its own field": Over(
        lambda name: Employee.objects.filter(name=name).only("salary"), NAMES, "person employee"
    ),
    "child, only the parent's field": Over(
        lambda salary: Employee.objects.filter(salary=salary).only("name"),
        (20, 30),
        "person employee",
    ),
    "child, top": Over(
        lambda area: Manager.objects.filter(area=area).order_by("-salary", "name")[:1],
        AREAS,
        "person employee manager",
    ),
    "exists, over child and parent": Over(
        lambda name: Person.objects.filter(
            Exists(Employee.objects.filter(boss=OuterRef("pk"), boss__name=name, salary=20))
        ),
        NAMES,
        "person employee",
    ),
    "child, union": Over(
        lambda area: Manager.objects.filter(area=area).union(
            Manager.objects.filter(area="north", name="bob")
        ),
        AREAS,
        "person employee manager",
    ),
    "child, counted": Over(
        lambda area: Manager.objects.filter(area=area).annotate(n=Count("staff")),
        AREAS,
        "person employee manager",
    ),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_inheritance_of_this_kind(told, kind):
    kind.check(told[kind])
