"""What every model card says beyond numbers.

What holds for one network only stands in its config (``notes``).
"""

import re

from facecore.datasets import get_dataset_info
from facecore.own_data_store import is_own_dataset
from facecore.registry import find_bundle, load_card
from training.config import TrainConfig

PROTOCOL = (
    "Fitted on the train split without pictures that also stand in a later split. The epoch, the "
    "temperature and the threshold are chosen on the validation (holdout) split only; the test "
    "split was not used."
)

HELD_OUT_PROTOCOL = (
    "{held_out:.0%} of each class of the {split} split, drawn with seed {seed}, were held out; the "
    "epoch, the temperature and the threshold are chosen on them, the rest was fitted on."
)

PER_CLASS_PROTOCOL = (
    "Exactly {num:,} pictures of each class, drawn with seed {seed}; a class with fewer distinct "
    "ones is filled by repeats."
)

START_SHARE_PROTOCOL = (
    "Of every weight that was judged and kept, {share:.0%} are that network's and the rest what "
    "the training made of it."
)

START_PROTOCOL = "Began with the weights of '{start}' instead of random ones."

PRETRAINED_PROTOCOL = (
    "The first weights were those of dlib's face recognition network (Davis King, 2017; public "
    "domain), which had learned to tell people apart in three million pictures of FaceScrub, VGG "
    "Face and the web."
)

VOTES_PROTOCOL = (
    "{share:.0%} of the truth were the votes of ten people for the same picture (FER+, Barsoum et "
    "al., 2016; MIT licence)."
)

TEACHERS_PROTOCOL = "{share:.0%} of the truth were answers of {names} for the same pictures."

LESSONS_PROTOCOL = (
    "The teachers answered {num} changed versions of each picture, and the network learned from "
    "exactly these."
)

UNLABELLED_PROTOCOL = (
    "Half of the pictures were of {name}, whose labels were not used: for these the teachers' "
    "answers were the whole truth."
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
    "Decisions about people at work (hiring, monitoring), in education (marks, attention) or by "
    "authorities (police, borders, courts, benefits), and in insurance, health or access to "
    "anything; surveillance; emotion recognition at work or in education (prohibited in the "
    "European Union); lie detection; inferring feelings or gender identity: neither can be read "
    "from a picture."
)

LIMITATIONS = {
    "expression": (
        "Names the look of a face, not what the person feels.",
        "FER-2013's labels are noisy: people agree with about two in three of them.",
        "Fear, sadness and anger are often confused with each other and with neutral.",
        "Disgust is rare in the training pictures (one in seventy): it is often missed, and a "
        "network that was not taught it gives such a face another name.",
        "Learned from frontal web pictures at 48x48 pixels: profiles and turned heads, hats, "
        "glasses, masks and hands before the face, dark, blurred or very small pictures are "
        "unreliable.",
        "FER-2013 records neither age, gender nor origin: errors may differ between groups without "
        "anybody knowing. Children were not tested apart and may be read worse.",
    ),
    "gender": (
        "Two classes as labelled by onlookers; says nothing about a person's identity.",
        "Much less reliable for children, less for old people, and not equally good for all "
        "groups: see the results by group.",
        "Learned from pictures at up to 128x128 pixels: profiles and turned heads, hats and "
        "covered hair, masks and hands before the face, dark, blurred or very small pictures are "
        "unreliable.",
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
    """Return what the card warns of: of this network first."""
    own = is_own_dataset(config.dataset)
    return (*config.notes, *(_OWN_LIMITATIONS if own else LIMITATIONS[config.task]))


def describe_protocol(config: TrainConfig) -> str:
    """Return how pictures were divided and drawn, and what the weights began with."""
    sentences = [
        HELD_OUT_PROTOCOL.format(
            held_out=config.validation_share, split=config.train_split, seed=config.seed
        )
        if config.validation_share
        else PROTOCOL
    ]
    if config.images_per_class:
        sentences.append(PER_CLASS_PROTOCOL.format(num=config.images_per_class, seed=config.seed))
    if config.start_from:
        sentences.append(START_PROTOCOL.format(start=config.start_from))
    if config.start_share:
        sentences.append(START_SHARE_PROTOCOL.format(share=config.start_share))
    if find_pretrained(config):
        sentences.append(PRETRAINED_PROTOCOL)
    if config.votes_share:
        sentences.append(VOTES_PROTOCOL.format(share=config.votes_share))
    if config.teachers:
        names = ", ".join(f"'{name}'" for name in config.teachers)
        sentences.append(TEACHERS_PROTOCOL.format(share=config.teachers_share, names=names))
    if config.lessons:
        sentences.append(LESSONS_PROTOCOL.format(num=config.lessons))
    if config.unlabelled:
        sentences.append(UNLABELLED_PROTOCOL.format(name=config.unlabelled))
    return " ".join(sentences)


def find_pretrained(config: TrainConfig) -> str:
    """Return the file whose weights were the first ones of all, or nothing if they were random."""
    if not config.start_from:
        return config.pretrained
    return str(load_card(find_bundle(config.start_from)).training.get("pretrained", ""))


def describe_licence(config: TrainConfig) -> str:
    """Return the terms of the weights; those of the networks that they come from stay valid."""
    terms = OWN_LICENCE if is_own_dataset(config.dataset) else LICENCE[config.task]
    sentences = [terms]
    if config.unlabelled:
        licence = get_dataset_info(config.unlabelled).licence
        sentences.append(f"Pictures without labels from {config.unlabelled}: {licence}.")
    for name in (config.start_from, *config.teachers):
        if name:
            # Networks of one family share most of their terms: each is stated once.
            theirs = re.split(r"(?<=\.) ", load_card(find_bundle(name)).licence)
            sentences += [sentence for sentence in theirs if sentence not in " ".join(sentences)]
    return " ".join(sentences)
