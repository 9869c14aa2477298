from benchmarks.peers import count_hits

FACE, OTHER = (100, 100, 40), (180, 100, 40)


def test_a_face_counts_once_and_needs_a_box_of_its_own():
    on_face = [80, 80, 120, 120]
    assert count_hits([on_face], [FACE, OTHER]) == 1
    assert count_hits([on_face, on_face], [FACE]) == 1
    assert count_hits([on_face, [162, 84, 206, 128]], [FACE, OTHER]) == 2


def test_boxes_beside_a_face_or_far_too_large_do_not_count():
    assert count_hits([[110, 80, 150, 120]], [FACE]) == 0
    assert count_hits([[0, 0, 200, 200]], [FACE]) == 0
    assert count_hits([], [FACE]) == 0
