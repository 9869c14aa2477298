"""What every model card says beyond numbers."""

from facecore.own_data_store import is_own_dataset
from facecore.registry import find_bundle, load_card
from training.config import TrainConfig

PROTOCOL = (
    "Fitted on the train split without pictures that also stand in a later split. The epoch and "
    "the temperature are chosen on the validation (holdout) split only; the test split was not "
    "used."
)

INTENDED_USE = {
    "expression": (
        "Showing which of the learned expressions a face in a photo, video or webcam picture "
        "resembles, for demonstration, teaching and research with people who agreed to it."
    ),
    "gender": (
        "Showing whether people would take a face in a photo, video or webcam picture for a man's "
        "or a woman's, for demonstration, teaching and research with people who agreed to it."
    ),
}

EXCLUDED_USES = (
    "Decisions about people (hiring, school, insurance, policing, health, access), surveillance, "
    "emotion recognition at work or in education (prohibited in the European Union), lie "
    "detection, and inferring feelings or gender identity: neither can be read from a picture."
)

LIMITATIONS = {
    "expression": (
        "Names the look of a face, not what the person feels.",
        "FER-2013's labels are noisy: people agree with about two in three of them.",
        "Fear, sadness and anger are often confused; disgust is rare in the training pictures.",
        "Learned from frontal web pictures at 48x48 pixels; turned, covered, dark or very small "
        "faces are unreliable.",
        "FER-2013 records neither age nor origin, so that errors may differ between groups "
        "without anybody knowing.",
    ),
    "gender": (
        "Two classes as labelled by onlookers; says nothing about a person's identity.",
        "Less reliable for children and old people, and not equally good for all groups.",
        "Learned from pictures at up to 128x128 pixels; turned, covered, dark or very small faces "
        "are unreliable.",
    ),
}

LICENCE = {
    "expression": (
        "For research and teaching only, because FER-2013's pictures are for research use and "
        "belong to their owners."
    ),
    "gender": (
        "Free to use with attribution to FairFace (Karkkainen and Joo, WACV 2021), whose pictures "
        "are CC BY 4.0."
    ),
}

OWN_LICENCE = (
    "Not published; trained on pictures that a user of this server brought. Use it as far as the "
    "people in the pictures and the owners of the pictures agreed to."
)

_OWN_LIMITATIONS = (
    "Names what a face looks like to the network, not what the person feels, thinks or is.",
    "Trained on one user's pictures; other people, cameras and light may give other results.",
    "The labels are that user's own and were not checked by anybody else.",
)


def list_limitations(config: TrainConfig) -> tuple[str, ...]:
    """Return what the card warns of."""
    return _OWN_LIMITATIONS if is_own_dataset(config.dataset) else LIMITATIONS[config.task]


def describe_licence(config: TrainConfig) -> str:
    """Return the terms of the weights; those of the network that they began with stay valid."""
    terms = OWN_LICENCE if is_own_dataset(config.dataset) else LICENCE[config.task]
    if not config.start_from:
        return terms
    start = load_card(find_bundle(config.start_from))
    return f"{terms} Began with the weights of '{start.name}': {start.licence}"
