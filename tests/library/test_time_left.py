from ddx7.library.time_left import reports_of_time_left


def test_long_work_tells_every_few_seconds_how_long_the_rest_takes():
    now, said = [0.0], []
    show = reports_of_time_left(said.append, "rendering 1000 voices", clock=lambda: now[0])
    for step in range(1, 11):  # 10 parts, 2 s each
        now[0] = 2.0 * step
        show(100 * step, 1000)
    assert said == [
        "rendering 1000 voices",
        "rendering 1000 voices, 200 done, about 16 s left",
        "rendering 1000 voices, 400 done, about 12 s left",
        "rendering 1000 voices, 600 done, about 8 s left",
        "rendering 1000 voices, 800 done, about 4 s left",
    ]


def test_short_work_says_only_what_it_does():
    now, said = [0.0], []
    show = reports_of_time_left(said.append, "rendering", clock=lambda: now[0])
    for step in range(1, 5):
        now[0] = 0.4 * step
        show(step, 4)
    assert said == ["rendering"]
