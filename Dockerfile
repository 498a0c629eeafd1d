# A machine that has what `make lint test` needs, for CI and for the devcontainer.
#
#   docker build -t hil .
#   docker run --rm hil make lint test
#   docker run --rm -v "$PWD:/work" -w /work hil make run     another checkout; its .venv is made there, once
FROM debian:12 AS base

# bootstrap.sh installs everything else. Git refuses a checkout that another user owns, as a mounted one may be.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git make \
    && rm -rf /var/lib/apt/lists/* \
    && git config --system --add safe.directory '*'

# Downloads and snapshots, kept outside of the checkout so that a volume can hold them.
ENV HIL_CACHE=/var/cache/hil

FROM base

WORKDIR /opt/hil
COPY . .
RUN ./bootstrap.sh && rm -rf /var/lib/apt/lists/*

CMD ["make", "run"]
