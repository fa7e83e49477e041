# syntax=docker/dockerfile:1
# The gateway as an image: `make image`, or `docker build -t rosetta .`
#
#   docker run --rm -p 127.0.0.1:8765:8765 -e ROSETTA_KEY=choose-one rosetta
#   docker run --rm -p 127.0.0.1:8765:8765 -v ./rosetta.yaml:/etc/rosetta/rosetta.yaml:ro --read-only --cap-drop ALL rosetta
#
# It runs as uid 10001 on a read-only root file system and starts no shell. docs/deploy.md tells more.
ARG PYTHON_IMAGE=python:3.13.12-slim-trixie

FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY constraints.txt ./
# The dependencies change seldom and get a layer of their own. No pip goes into the image: the environment has none.
RUN pip install -c constraints.txt build hatchling \
 && python -m venv --without-pip /opt/rosetta
COPY pyproject.toml README.md ./
COPY rosetta rosetta
RUN python -m build --wheel --no-isolation --outdir /dist \
 && pip --python /opt/rosetta/bin/python install --only-binary :all: -c constraints.txt "$(echo /dist/*.whl)[gateway]"

FROM ${PYTHON_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="rosetta" \
      org.opencontainers.image.description="Any LLM client on any LLM provider: a gateway between four wire formats" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="docker.io/library/python:3.13.12-slim-trixie"
COPY --from=build /opt/rosetta /opt/rosetta
ENV PATH=/opt/rosetta/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ROSETTA_HOST=0.0.0.0 \
    ROSETTA_PORT=8765
# A rosetta.yaml that is mounted here is found without --config.
WORKDIR /etc/rosetta
USER 10001:10001
EXPOSE 8765
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as web; web.urlopen(f\"http://127.0.0.1:{os.environ['ROSETTA_PORT']}/readyz\", timeout=2)"]
ENTRYPOINT ["rosetta"]
CMD ["serve"]
