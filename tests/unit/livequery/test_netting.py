"""The net effect of a transaction on rows, independent of the order of its messages."""

import itertools

from dddp.changefeed.payload import TableChange
from dddp.livequery.netting import Images, RowChange, net_changes
from dddp.livequery.transaction import Transaction

V0, V1, V2, V3 = ({"id": 1, "k": value} for value in range(4))
OTHER = {"id": 2, "k": 0}


def net(*messages):
    images = Images("id")
    for operation, rows in messages:
        images.add(operation, rows)
    return sorted([RowChange(change.old, change.new) for change in images.net()], key=repr)


def test_nested_writes_reported_first_do_not_win():
    outer, nested = ("U", [[V1, V0]]), ("U", [[V2, V1]])
    assert net(nested, outer) == [RowChange(V0, V2)]


def test_the_order_of_messages_never_matters():
    messages = [("I", [[V0]]), ("U", [[V1, V0]]), ("U", [[V2, V1]]), ("U", [[V3, V2]])]
    for order in itertools.permutations(messages):
        assert net(*order) == [RowChange(None, V3)]


def test_there_and_back_again_is_no_change_of_state():
    (change,) = net(("U", [[V1, V0]]), ("U", [[V0, V1]]))
    assert change == RowChange(None, None)


def test_created_and_deleted_in_one_transaction_never_was():
    assert net(("I", [[V0]]), ("D", [[V0]])) == [RowChange(None, None)]


def test_every_state_in_between_is_told():
    images = Images("id")
    images.add("U", [[V1, V0]])
    images.add("U", [[V0, V1]])
    (change,) = images.net()
    assert V0 in change.images
    assert V1 in change.images


def test_deleted_and_created_again_has_both_states():
    assert net(("D", [[V0]]), ("I", [[V1]])) == [RowChange(V0, V1)]


def test_a_moved_key_is_one_row_gone_and_one_come():
    moved = {"id": 2, "k": 0}
    changes = net_changes("id", "U", [[moved, V0]])
    assert sorted(changes, key=repr) == sorted(
        [RowChange(V0, None), RowChange(None, moved)], key=repr
    )


def test_one_row_of_one_statement():
    assert net_changes("id", "U", [[V1, V0]]) == [RowChange(V0, V1)]
    (change,) = net_changes("id", "U", [[dict(V0), V0]])
    assert (change.old, change.new, change.between) == (None, None, (V0,))


def test_swapped_keys_in_one_statement():
    a, b = {"id": 1, "k": "a"}, {"id": 2, "k": "b"}
    swapped_a, swapped_b = {"id": 2, "k": "a"}, {"id": 1, "k": "b"}
    changes = net_changes("id", "U", [[swapped_a, a], [swapped_b, b]])
    assert sorted(changes, key=repr) == sorted(
        [RowChange(a, swapped_b), RowChange(b, swapped_a)], key=repr
    )


def test_rows_of_another_time_have_no_key():
    """A transaction may write, add the column and write again: its table is asked for then."""
    transaction = Transaction(7, limit=9)
    transaction.add(TableChange(7, "t", "U", [[V1, V0]]))
    transaction.add(TableChange(7, "t", "U", [[{**V2, "aid": "x"}, {**V1, "aid": "x"}]], 1))
    assert transaction.rows("t", "aid") is None
    assert transaction.rows("t", "id") is not None
