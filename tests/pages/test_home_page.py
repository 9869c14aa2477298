"""The home page explains itself and leads to a first example."""


def test_home_says_what_predictions_are_not(open_page):
    app = open_page("home")
    text = " ".join(m.value for m in app.markdown)
    assert "not what a person feels" in text
    assert "guess from two labels" in text


def test_every_page_is_linked(open_page):
    links = {link.proto.label for link in open_page("home").get("page_link")}
    names = ("Photos", "Videos", "Live", "Compare", "Stats", "Train", "Relabel")
    assert links == {f"**{name}**" for name in names}


def test_example_button_sets_what_the_photos_page_reads(open_page):
    # AppTest gives the default page a new identity in every run, which loses the click itself;
    # the browser test clicks.
    app = open_page("home")
    assert app.button(key="home_example").label == "Try it with an example picture"
    app.session_state["photo_source"] = "example"
    app.switch_page("pages/photos.py").run()
    assert not app.exception
    assert "".join(element.value for element in app.html).count('class="fc-face"') == 1
