"""The dashboard's own mark, drawn here: a viewfinder around a face."""

_CORNERS = (
    "M6 13V8a2 2 0 0 1 2-2h5M27 6h5a2 2 0 0 1 2 2v5"
    "M34 27v5a2 2 0 0 1-2 2h-5M13 34H8a2 2 0 0 1-2-2v-5"
)
_MOUTH = "M14 23.5c1.6 2.6 3.7 3.8 6 3.8s4.4-1.2 6-3.8"

LOGO_SVG = f"""<svg xmlns="http://www.w3.org/2000/svg" width="152" height="40" viewBox="0 0 152 40">
<g fill="none" stroke="#1593a6" stroke-width="2.6" stroke-linecap="round">
<path d="{_CORNERS}"/><path d="{_MOUTH}"/></g>
<circle cx="15" cy="17" r="2.1" fill="#1593a6"/><circle cx="25" cy="17" r="2.1" fill="#1593a6"/>
<text x="44" y="27" font-family="'Source Sans','Source Sans Pro',Helvetica,Arial,sans-serif"
 font-size="21" font-weight="600" fill="#1593a6">Facecore</text></svg>"""
