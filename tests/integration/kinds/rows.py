"""Kinds of querysets that a row's own values decide, and a story of every way to write rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from following import Make, Step, follow, sql, unseen

from dddp.alea import random_id
from dddp.fields import AleaIdField

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Rows:
    """One kind.

    Attributes:
        make: parameter -> queryset.
        parameters: two of them.
        values: of a row that the first finds, of one that the second, and of one that neither does.
        other: values that differ from theirs and move no row in or out; {}: there are none.
        key: makes primary keys, for models that do not.
        upsert: PostgreSQL can update with ON CONFLICT.
    """

    make: Make
    parameters: tuple[Any, Any]
    values: tuple[Values, Values, Values]
    other: Values
    key: Callable[[], Any] | None = None
    upsert: bool = True
    comes_and_goes: bool = True

    async def told(self) -> None:
        """Tell the story and check it."""
        story = _Story(self)
        story.the_table_is_truncated()
        (follower,) = await follow([self], story.steps())
        follower.check()


class _RolledBack(Exception):
    pass


@dataclass
class _Story:
    kind: Rows
    numbers: Any = field(default_factory=lambda: itertools.count(1000))

    def __post_init__(self) -> None:
        quote = connection.ops.quote_name
        self.model = self.kind.make(self.kind.parameters[0]).model
        meta = self.model._meta
        self.table = quote(meta.db_table)
        self.pk = quote(meta.pk.column)
        beside = [field for field in meta.concrete_fields if isinstance(field, AleaIdField)]
        self.aids = [quote(field.column) for field in beside if not field.primary_key]
        self.columns = ", ".join(
            quote(field.column)
            for field in meta.concrete_fields
            if not (field.primary_key or field.generated or field in beside)
        )

    def steps(self) -> list[Step]:
        """Each finds what the ones before it have left."""
        return [
            self.a_row_is_saved_for_the_first,
            self.rows_are_saved_for_the_second_and_for_neither,
            self.a_row_moves_by_save,
            self.a_row_moves_back_by_update,
            *([self.what_decides_nothing_is_updated] if self.kind.other else []),
            self.rows_are_created_in_bulk,
            self.rows_trade_places_in_one_statement,
            self.a_row_goes_by_sql,
            self.rows_are_copied_by_sql,
            unseen(self.everything_is_rolled_back),
            self.a_savepoint_is_rolled_back,
            unseen(self.rows_go_there_and_back),
            self.a_transaction_does_many_things,
            unseen(self.a_key_changes_by_sql) if self.aids else self.a_key_changes_by_sql,
            *([self.ids_change_and_trade_places] if self.aids else []),
            unseen(self.a_row_comes_and_goes),
            *([self.a_row_is_upserted] if self.kind.upsert else []),
            self.a_row_is_deleted,
            self.rows_are_deleted_by_sql,
            self.the_table_is_truncated,
            self.rows_come_after_truncating,
        ]

    def new(self, place: int) -> Any:
        values = dict(self.kind.values[place])
        if self.kind.key is not None:
            values[self.model._meta.pk.attname] = self.kind.key()
        return self.model(**values)

    def save(self, *places: int) -> None:
        for place in places:
            self.new(place).save(force_insert=True)

    def found(self, place: int) -> list[Any]:
        """The keys of what a parameter finds."""
        return sorted(row.pk for row in self.kind.make(self.kind.parameters[place]))

    def rows(self, keys: list[Any]) -> Any:
        return self.model._base_manager.filter(pk__in=keys)

    def move(self, keys: list[Any], place: int) -> None:
        assert self.rows(keys).update(**self.kind.values[place])

    def nobody_s(self) -> Any:
        """The key of a row that neither finds."""
        taken = self.found(0) + self.found(1)
        return self.model._base_manager.exclude(pk__in=taken).order_by("pk")[0].pk

    def new_key(self) -> Any:
        """A key for a row that SQL writes."""
        if self.kind.key is not None:
            return self.kind.key()
        field = self.model._meta.pk
        if isinstance(field, AleaIdField):
            return random_id()
        return field.get_default() if field.has_default() else next(self.numbers)

    def a_row_is_saved_for_the_first(self) -> None:
        self.save(0)

    def rows_are_saved_for_the_second_and_for_neither(self) -> None:
        self.save(1)
        self.save(2)

    def a_row_moves_by_save(self) -> None:
        (row,) = self.rows(self.found(0))
        for name, value in self.kind.values[1].items():
            setattr(row, name, value)
        row.save()

    def a_row_moves_back_by_update(self) -> None:
        self.move(self.found(1)[:1], 0)

    def what_decides_nothing_is_updated(self) -> None:
        self.model._base_manager.update(**self.kind.other)

    def rows_are_created_in_bulk(self) -> None:
        self.model._base_manager.bulk_create([self.new(place) for place in (0, 1, 2, 1)])

    def rows_trade_places_in_one_statement(self) -> None:
        first, second = self.found(0), self.found(1)
        rows = list(self.rows(first + second))
        for row in rows:
            for name, value in self.kind.values[row.pk in first].items():
                setattr(row, name, value)
        self.model._base_manager.bulk_update(rows, list(self.kind.values[0]))

    def a_row_goes_by_sql(self) -> None:
        sql(
            f"UPDATE {self.table} SET ({self.columns}) = "
            f"(SELECT {self.columns} FROM {self.table} WHERE {self.pk} = %s) WHERE {self.pk} = %s",
            self.nobody_s(),
            self.found(0)[0],
        )

    def rows_are_copied_by_sql(self) -> None:
        for place in (0, 1):
            sql(
                f"INSERT INTO {self.table} ({', '.join([self.pk, *self.aids, self.columns])}) "
                f"SELECT %s, {'%s, ' * len(self.aids)}{self.columns} "
                f"FROM {self.table} WHERE {self.pk} = %s",
                self.new_key(),
                *(random_id() for _ in self.aids),
                self.found(place)[0],
            )

    def everything_is_rolled_back(self) -> None:
        try:
            with transaction.atomic():
                self.save(0, 1, 2)
                self.move(self.found(1), 0)
                self.rows(self.found(0)).delete()
                raise _RolledBack
        except _RolledBack:
            pass

    def a_savepoint_is_rolled_back(self) -> None:
        with transaction.atomic():
            self.save(0)
            try:
                with transaction.atomic():
                    self.move(self.found(0), 1)
                    raise _RolledBack
            except _RolledBack:
                self.save(1)

    def rows_go_there_and_back(self) -> None:
        with transaction.atomic():
            rows = list(self.rows(self.found(0)))
            self.move(self.found(0), 2)
            for row in rows:
                row.save()

    def a_transaction_does_many_things(self) -> None:
        with transaction.atomic():
            first, second = self.found(0), self.found(1)
            self.move(first, 1)
            self.save(1)
            self.rows(second[:1]).delete()
            self.move(second[1:], 2)
            self.move([self.nobody_s()], 0)
            self.save(0)

    def a_key_changes_by_sql(self) -> None:
        for place in (0, 1):
            old, new = self.found(place)[0], self.new_key()
            sql(f"UPDATE {self.table} SET {self.pk} = %s WHERE {self.pk} = %s", new, old)

    def ids_change_and_trade_places(self) -> None:
        (aid,) = self.aids
        with transaction.atomic():
            first, second = self.rows([self.found(0)[0], self.found(1)[0]]).order_by("pk")
            for row, id in ((first, "?"), (second, first.aid), (first, second.aid)):
                sql(f"UPDATE {self.table} SET {aid} = %s WHERE {self.pk} = %s", id, row.pk)
        sql(f"UPDATE {self.table} SET {aid} = reverse({aid})")

    def a_row_comes_and_goes(self) -> None:
        with transaction.atomic():
            row = self.new(0)
            row.save(force_insert=True)
            row.delete()

    def a_row_is_upserted(self) -> None:
        row = self.new(0)
        row.pk = self.found(1)[0]
        names = list(self.kind.values[0])
        self.model._base_manager.bulk_create(
            [row], update_conflicts=True, unique_fields=["pk"], update_fields=names
        )

    def a_row_is_deleted(self) -> None:
        self.rows(self.found(0)[:1]).get().delete()

    def rows_are_deleted_by_sql(self) -> None:
        sql(f"DELETE FROM {self.table} WHERE {self.pk} = ANY(%s)", self.found(1)[:2])

    def the_table_is_truncated(self) -> None:
        sql(f"TRUNCATE {self.table} RESTART IDENTITY CASCADE")

    def rows_come_after_truncating(self) -> None:
        with transaction.atomic():
            self.save(0, 1, 2)
