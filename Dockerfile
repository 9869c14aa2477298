# The dashboard as a container: `docker build .`, with an NVIDIA card `docker build --build-arg GPU=1 .`
# Keep Python within requires-python of pyproject.toml; requirements.lock holds for all of it.
ARG PYTHON_IMAGE=python:3.12-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ARG GPU=
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /build
COPY requirements.lock ./
RUN python -m pip install --no-cache-dir --disable-pip-version-check -r requirements.lock
# The CUDA libraries stand in no lock file; everything else stays as locked. A layer of its own.
# hadolint ignore=DL3059
RUN if [ -n "$GPU" ]; then \
      python -m pip install --no-cache-dir --disable-pip-version-check \
        -c requirements.lock 'tensorflow[and-cuda]'; \
    fi

FROM ${PYTHON_IMAGE}
RUN useradd --uid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin facecore
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
# Belongs to root: the dashboard cannot change its own program or networks.
COPY .streamlit/config.toml .streamlit/
COPY app.py ./
COPY facecore facecore
COPY pages pages
COPY models models
COPY training training
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=90s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
# Within the container only; compose.yaml publishes Caddy's ports and never this one. With no
# browser address named, Streamlit would ask a server on the internet for this machine's.
CMD ["streamlit", "run", "app.py", "--server.address", "0.0.0.0", "--browser.serverAddress", "localhost", "--server.port", "8501", "--server.headless", "true", "--server.showEmailPrompt", "false", "--server.fileWatcherType", "none"]
