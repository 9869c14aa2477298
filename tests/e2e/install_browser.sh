#!/usr/bin/env bash
# Makes sure that a Chromium for the browser tests is there: the system's, else Debian's package,
# else Playwright's own build. Without one, local runs skip the browser tests and CI fails.
set -euo pipefail
python=${1:?path of the Python that has Playwright}

found() {
  [ -x "${FACECORE_CHROMIUM:-}" ] && return 0
  for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null && return 0
  done
  ls "${PLAYWRIGHT_BROWSERS_PATH:-$HOME/.cache/ms-playwright}"/chromium-*/ >/dev/null 2>&1
}

found && exit 0
echo "No Chromium found; installing one for the browser tests ..."
if command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then
  as_root=$([ "$(id -u)" = 0 ] || echo "sudo -n")
  $as_root apt-get update -qq &&
    $as_root apt-get install -y -qq --no-install-recommends chromium >/dev/null || true
fi
found || "$python" -m playwright install chromium || true
found && exit 0
echo "Chromium could not be installed: install it and run again, or set FACECORE_CHROMIUM to its path." >&2
[ "${CI:-}" != true ]
