"""First messages that are built once for all who join."""

from dddp.protocol.frames import Frame
from dddp.session.initial import FRAME_BYTES, Initial, Kept


def initial(number, built=None, size=10):
    def frames():
        for count in range(number):
            if built is not None:
                built.append(count)
            yield Frame(b"%d" % count)

    return Initial(frames(), number, size)


def test_a_frame_is_built_when_the_first_takes_it_and_never_again():
    built = []
    shared = initial(3, built)
    one, other = shared.batch().frames, shared.batch().frames
    assert next(one).data == b"0"
    assert built == [0]
    assert next(other) is shared.all()[0]
    assert [frame.data for frame in one] == [frame.data for frame in other] == [b"1", b"2"]
    assert built == [0, 1, 2]


def test_who_has_begun_goes_on_when_they_are_discarded():
    shared = initial(3)
    begun, not_begun = shared.batch().frames, shared.batch().frames
    next(begun)
    shared.discard()
    assert len(list(begun)) == 2
    assert len(list(not_begun)) == 3


def test_the_oldest_go_when_there_are_too_many():
    each = 2 * 10 + 5 * FRAME_BYTES
    kept = Kept(2 * each)
    made = [initial(5) for _ in range(3)]
    for one in made:
        kept.add(one)
    assert [one.kept for one in made] == [False, True, True]


def test_what_no_source_has_any_more_takes_no_room():
    each = 2 * 10 + 5 * FRAME_BYTES
    kept = Kept(2 * each)
    for _ in range(5):
        kept.add(initial(5))
    last = [initial(5), initial(5)]
    for one in last:
        kept.add(one)
    assert all(one.kept for one in last)


def test_one_that_is_larger_than_the_bound_is_not_kept_and_others_stay():
    each = 2 * 10 + 5 * FRAME_BYTES
    kept = Kept(2 * each)
    small, large = initial(5), initial(15)
    kept.add(small)
    kept.add(large)
    assert not large.kept
    assert small.kept
