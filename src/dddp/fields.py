"""A model field for ids that clients could have made."""

from __future__ import annotations

from typing import Any

from django.db.models import CharField, Model

from dddp.alea import random_id

LENGTH = 17


class AleaIdField(CharField):  # type: ignore[type-arg]  # none at run time
    """A random id as Meteor makes them: 17 characters, drawn when a row is inserted.

    Within a method it comes from the stream `/collection/<name>` of the call, from which the
    client's simulation draws too, so that the document it has inserted already keeps its id
    (Meteor 3, "randomSeed"). Elsewhere it is random. The name is that of the collection
    registered first for the model, else `app_label.modelname`.

    A value that is given is kept. The field is unique, unless `unique=False`, and not editable in
    forms, unless `editable=True`.

    As primary key, or unique beside it, it is the id of the model's documents.
    """

    names_documents = True

    description = "Random id of 17 characters"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_length"] = LENGTH
        kwargs.setdefault("blank", True)
        kwargs.setdefault("editable", False)
        if not kwargs.get("primary_key"):
            kwargs.setdefault("unique", True)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        """For migrations: what differs from the defaults of this class."""
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("max_length", None)
        usual = {"blank": True, "editable": False}
        if not self.primary_key:
            usual["unique"] = True
            kwargs.setdefault("unique", False)
        for option, default in usual.items():
            value = kwargs.pop(option, getattr(self, option))
            if value != default:
                kwargs[option] = value
        return name, path, args, kwargs

    def has_default(self) -> bool:
        """True: Django then inserts new objects without trying to update a row first."""
        return True

    def get_default(self) -> Any:
        """None until the object is saved: what is never inserted draws nothing."""
        return super().get_default() if super().has_default() else None

    def get_pk_value_on_save(self, instance: Model) -> str:
        """A new id."""
        return _drawn_for(instance)

    def pre_save(self, model_instance: Model, add: bool) -> Any:
        """The value, or a new id if there is none."""
        value = super().pre_save(model_instance, add)
        if value in (None, ""):
            value = _drawn_for(model_instance)
            setattr(model_instance, self.attname, value)
        return value


def _drawn_for(instance: Model) -> str:
    # Models import this module, and the API imports models.
    from dddp.api.registry import API
    from dddp.api.this import current

    invocation = current.get(None)
    if invocation is None:
        return random_id()
    model = type(instance)
    collection = API.collection_for(model) or API.collection_for(
        model._meta.concrete_model or model
    )
    name = model._meta.label_lower if collection is None else collection.name
    return invocation.random_streams.for_collection(name).id()
