# One image for every service: `docker run heliograph python -m streams route`. See docs/operations.md.

FROM python:3.11-slim-bookworm AS build
WORKDIR /src
# uv trusts what the image trusts: a proxy of yours is added by adding its certificate to the base image.
ENV UV_SYSTEM_CERTS=1
# uv in an environment of its own, which stays behind with the rest of this stage.
COPY requirements requirements
RUN python -m venv /uv \
    && /uv/bin/pip install --quiet --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/uv.txt \
    && python -m venv --without-pip /opt/heliograph
RUN /uv/bin/uv pip install --quiet --no-cache --python /opt/heliograph/bin/python --require-hashes \
    -r requirements/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY broker broker
COPY cli cli
COPY directory directory
COPY dispatchers dispatchers
COPY ingress ingress
COPY ledger ledger
COPY notifiers notifiers
COPY schemas schemas
COPY simulator simulator
COPY streams streams
COPY webhooks webhooks
RUN /uv/bin/uv pip install --quiet --no-cache --python /opt/heliograph/bin/python --no-deps \
    --build-constraints requirements/build.txt . \
    && /opt/heliograph/bin/python -m compileall -q -j 0 /opt/heliograph/lib

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --user-group --no-create-home heliograph \
    && install -d -o heliograph -g heliograph /var/lib/heliograph
COPY --from=build /opt/heliograph /opt/heliograph
COPY deploy/entrypoint.sh /usr/local/bin/entrypoint
ENV PATH=/opt/heliograph/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HELIO_READY_FILE=/tmp/ready \
    HELIO_INGRESS__HOST=0.0.0.0 \
    HELIO_WEBHOOKS__HOST=0.0.0.0 \
    HELIO_STREAMS__HOST=0.0.0.0 \
    HELIO_DISPATCH__HOST=0.0.0.0 \
    HELIO_NOTIFIERS__HOST=0.0.0.0
USER 10001:10001
WORKDIR /var/lib/heliograph
ENTRYPOINT ["/usr/local/bin/entrypoint"]
CMD ["helio", "--help"]
