"""What can be downloaded of a finished video."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import streamlit as st

from facecore.export import video_to_json, video_to_text
from facecore.export_tables import frames_to_csv, people_to_csv
from facecore.registry import list_cards
from facecore.results import FrameResult
from facecore.stats import SessionSummary
from pages._asked_labels import list_video_labels
from pages._ui import Download, download_buttons
from pages._video_desk import VideoCase


def show_downloads(case: VideoCase, frames: Sequence[FrameResult], summary: SessionSummary) -> None:
    """Offer the annotated video and the results; each file is made when its button is pressed.

    Args:
        case: the video.
        frames: its results with the user's changes.
        summary: the same in numbers.
    """
    run = replace(case.run, frames=tuple(frames), summary=summary)

    def make_text() -> bytes:
        return video_to_text(case.name, summary, list_video_labels(case, list_cards())).encode()

    def offer(label: str, make: Callable[[], bytes], ending: str, mime: str) -> Download:
        return Download(label, make, case.download_name(ending), mime, f"video_download_{label}")

    downloads = [
        offer("Frames (CSV)", lambda: frames_to_csv(frames), "_frames.csv", "text/csv"),
        offer("People (CSV)", lambda: people_to_csv(summary), "_people.csv", "text/csv"),
        offer("JSON", lambda: video_to_json(case.name, run), ".json", "application/json"),
        offer("Text", make_text, "_people.txt", "text/plain"),
    ]
    video = case.job.video
    if case.current and video is not None:
        downloads.insert(0, offer("Video", video.read_bytes, "_annotated.mp4", "video/mp4"))
    else:
        st.caption("The annotated video can be downloaded once it shows your changes.")
    download_buttons(downloads)
