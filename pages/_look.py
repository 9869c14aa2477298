"""The dashboard's own look beside .streamlit/config.toml: its mark, tighter margins, tiles."""

from collections.abc import Mapping
from html import escape

from facecore.label_sets import compute_colors

_CORNERS = (
    "M6 13V8a2 2 0 0 1 2-2h5M27 6h5a2 2 0 0 1 2 2v5"
    "M34 27v5a2 2 0 0 1-2 2h-5M13 34H8a2 2 0 0 1-2-2v-5"
)
_REM_PER_SIGN, _REM_AROUND = 0.38, 1.4  # of a tile's word
_MOUTH = "M14 23.5c1.6 2.6 3.7 3.8 6 3.8s4.4-1.2 6-3.8"

ICON_SVG = f"""<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40" viewBox="0 0 40 40">
<g fill="none" stroke="#1593a6" stroke-width="3.4" stroke-linecap="round">
<path d="{_CORNERS}"/><path d="{_MOUTH}"/></g>
<circle cx="15" cy="17" r="2.6" fill="#1593a6"/><circle cx="25" cy="17" r="2.6" fill="#1593a6"/>
</svg>"""
"""The browser tab's icon: a named Material icon would be fetched from a third party."""

LOGO_SVG = f"""<svg xmlns="http://www.w3.org/2000/svg" width="152" height="40" viewBox="0 0 152 40">
<g fill="none" stroke="#1593a6" stroke-width="2.6" stroke-linecap="round">
<path d="{_CORNERS}"/><path d="{_MOUTH}"/></g>
<circle cx="15" cy="17" r="2.1" fill="#1593a6"/><circle cx="25" cy="17" r="2.1" fill="#1593a6"/>
<text x="44" y="27" font-family="'Source Sans','Source Sans Pro',Helvetica,Arial,sans-serif"
 font-size="21" font-weight="600" fill="#1593a6">Facecore</text></svg>"""
"""A viewfinder around a face, and the name."""

STYLE = """<style>
.stMainBlockContainer{padding:3.5rem 3rem 3rem;max-width:84rem}
@media (max-width:40rem){.stMainBlockContainer{padding:3.5rem 1rem 2rem}}
.fc-tiles{display:grid;gap:.5rem}
.fc-tiles+.fc-tiles{margin-top:.5rem}
.fc-tile{border:1px solid color-mix(in srgb,currentColor 18%,transparent);border-radius:.6rem;
 padding:.45rem .5rem .4rem .6rem;border-left-width:.3rem}
.fc-tile-word{font-size:.82rem;opacity:.8;white-space:nowrap}
.fc-tile-value{font-size:1.4rem;font-weight:600;line-height:1.3;
 font-variant-numeric:tabular-nums}
.fc-tile-none .fc-tile-value{opacity:.45}
[data-testid^=stBaseButton-primary]:not(:disabled),
[data-testid=stMultiSelectTagsContainer] [data-tag]{color:light-dark(#fff,#10171d)}
</style>"""
"""Less empty space around pages, the tiles, and words on the main colour; they follow the theme."""


def build_tiles(
    values: Mapping[str, int | str],
    colors: Mapping[str, str] | None = None,
    min_width_rem: float = 4.95,
) -> str:
    """Return a grid of small numbers with their words, which wraps on narrow screens.

    Args:
        values: word -> number or short text.
        colors: word -> label whose colour the tile's edge has, all labels that belong together;
            other words have none.
        min_width_rem: room for the usual word; a longer one has the room of two.
    """
    colors = colors or {}
    edges = compute_colors(colors.values())
    tiles = []
    for word, value in values.items():
        style = f"border-left-color:{edges[colors[word]]};" if word in colors else ""
        if len(word) * _REM_PER_SIGN + _REM_AROUND > min_width_rem:
            style += "grid-column:span 2;"
        empty = " fc-tile-none" if value in (0, "–") else ""
        tiles.append(
            f'<div class="fc-tile{empty}" style="{style}">'
            f'<div class="fc-tile-word">{escape(word)}</div>'
            f'<div class="fc-tile-value">{escape(str(value))}</div></div>'
        )
    columns = f"grid-template-columns:repeat(auto-fill,minmax({min_width_rem}rem,1fr))"
    return f'<div class="fc-tiles" style="{columns}">{"".join(tiles)}</div>'
